// The overlay page: address → connection → stage. Everything here is wiring.

import { readAddress } from "./address.js";
import { showDebug } from "./debug.js";
import { LiveConnection } from "./live.js";
import { Renewal } from "./renewal.js";
import { clientFacts, warnAboutPermissions, watchShown } from "./source.js";
import "./stage.js";

/**
 * Without contact for this long, live numbers are dimmed; later live bars are taken away (widgets.md §1). A server
 * that has lost its database is no contact.
 */
const STALE_MS = 15_000;
const LOST_MS = 30_000;

const address = readAddress(location);
const stage = document.createElement("hb-stage");
stage.themed = document.documentElement;
stage.overrides = address.overrides;
document.body.append(stage);

let shown = true;
const renewal = new Renewal(() => !shown || stage.idle);
const live = address.key === null ? null : connect(address);
watchShown((now) => {
  shown = now;
  stage.asleep = !now;
  if (now) live?.hurry();
});
if (address.debug && live !== null) showDebug(live);
warnAboutPermissions();
keepShell();

function connect({ key, name, overlay }) {
  const connection = new LiveConnection({ key, client: clientFacts(name) });
  let fading = 0;
  const judge = () => {
    clearTimeout(fading);
    const fresh = connection.state !== "lost" && !connection.stale;
    const silent = fresh ? 0 : Date.now() - connection.freshAt;
    stage.freshness = silent >= LOST_MS ? "lost" : silent >= STALE_MS ? "stale" : "live";
    if (!fresh && silent < LOST_MS) fading = setTimeout(judge, (silent < STALE_MS ? STALE_MS : LOST_MS) - silent);
  };
  connection.addEventListener("time", () => {
    stage.offset = connection.offset;
  });
  connection.addEventListener("boards", () => {
    stage.offset = connection.offset;
    if (connection.layout !== null) stage.layout = connection.layout;
    stage.boards = connection.boards;
    renewal.announce(connection.build);
  });
  connection.addEventListener("event", ({ detail: frame }) => {
    const { kind, data, ttl_ms: ttl } = frame;
    if (kind === "overlay.test" && data?.overlay_id === overlay) stage.showTest(data.board, ttl);
  });
  connection.addEventListener("state", judge);
  connection.addEventListener("stale", judge);
  window.addEventListener("online", () => connection.hurry());
  connection.start();
  return connection;
}

/** Keeps the page itself for a start without a server; where that is not possible, nothing is missing on air. */
function keepShell() {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/o/sw.js", { scope: "/o/" }).catch((error) => {
    console.info(`hubbub: no offline copy of this page (${error.message})`);
  });
}
