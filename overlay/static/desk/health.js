// Zone "Health": lamps in words, so that nobody has to guess whether the show would work.

import { button, h, mirror, setData, setText, show as visible } from "./dom.js";
import { fixPlace, keepButton } from "./people/fixes.js";
import { ago, lag, many, serverNow } from "./time.js";
import { failure } from "./words.js";

const FOLLOW_MS = 2500; // a platform is asked within seconds: looked at so often, so many times
const FOLLOW_TIMES = 6;
const URGENT = ["fail", "warn", "pass"];
const STALE_MS = 8000; // the status is asked every 2 s; older than this is said

export class Health {
  constructor(store, api, channels, overlays, fixes) {
    Object.assign(this, { store, api, channels, overlays, fixes });
    this.lamps = h("ul", { class: "lamps compact", "aria-label": "Server" });
    this.checkButton = button("Check everything", "plain", () => this.check());
    this.checks = h("ul", { class: "checks" });
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.system = h("section", { class: "part", "aria-label": "Server" },
      h("div", { class: "part-head" }, h("h3", { text: "Server" })), this.lamps,
      h("div", { class: "row check-row" }, this.checkButton), this.trouble, this.checks);
    this.summary = h("p", { class: "health-summary" });
    this.root = h("section", { class: "zone health", "aria-labelledby": "zone-health" },
      h("div", { class: "zone-head" }, h("h2", { id: "zone-health", text: "Health" }), this.summary),
      h("div", { class: "zone-body" }, channels.root, overlays.root, this.system));
  }

  async check() {
    const { campaign } = this.store.get();
    setText(this.checkButton, "Checking…");
    setText(this.trouble, "");
    try {
      const preflight = await this.api.post(`/campaigns/${campaign.id}/preflight`);
      this.store.set({ preflight: { ...preflight, at: serverNow() } });
    } catch (error) {
      const { title, text } = failure(error, "run the checks");
      setText(this.trouble, `${title}. ${text}`);
    } finally {
      setText(this.checkButton, "Check everything");
    }
  }

  /** After a button of a check was pressed: looks again, now and while an answer of a platform may come. */
  async follow() {
    if (!this.store.get().preflight) return;
    clearTimeout(this.again);
    const { campaign } = this.store.get();
    let left = FOLLOW_TIMES;
    const look = async () => {
      left -= 1;
      try {
        const preflight = await this.api.get(`/campaigns/${campaign.id}/preflight`);
        if (this.store.get().campaign?.id !== campaign.id) return;
        this.store.set({ preflight: { ...preflight, at: serverNow() } });
      } catch {
        // What stands there stays; the button "Check everything" says why not.
      }
      if (left > 0) this.again = setTimeout(look, FOLLOW_MS);
    };
    await look();
  }

  update(state) {
    const rows = serverLamps(state);
    mirror(this.lamps, rows, (row) => row.key, lamp);
    const bad = troubleCount(state, rows);
    const unfinished = state.channels?.length === 0 || state.overlays?.length === 0;
    const words = bad === 1 ? "1 thing to look at" : bad ? `${bad} things to look at` : unfinished ? "not set up yet" : "all well";
    setText(this.summary, state.statusAt === 0 ? "" : words);
    setData(this.summary, "tone", bad ? "bad" : unfinished ? "wait" : "good");
    // What has to be looked at stands first.
    const checks = [...(state.preflight?.checks ?? [])].sort((a, b) => URGENT.indexOf(a.status) - URGENT.indexOf(b.status));
    visible(this.checks, checks.length);
    mirror(this.checks, checks.map((check, place) => ({ ...check, place })), (check) => check.place, () => checkRow(this.fixes));
    this.channels.update(state);
    this.overlays.update(state);
  }
}

/** The lamps of the server: this desk's connection, the bus, and lost lines. */
function serverLamps({ link, status, statusAt, statusError, roundTrip }) {
  const rows = [];
  const trip = roundTrip === null ? "" : ` · ${Math.round(roundTrip)} ms there and back`;
  if (link.state === "live") rows.push({ key: "desk", tone: "good", title: "This desk", word: `live${trip}` });
  else if (link.state === "connecting") rows.push({ key: "desk", tone: "wait", title: "This desk", word: "connecting…" });
  else rows.push({ key: "desk", tone: "bad", title: "This desk", word: "no live connection, trying again" });
  if (statusError || (statusAt && Date.now() - statusAt > STALE_MS)) {
    const age = statusAt ? `last answer ${ago(serverNow() - (Date.now() - statusAt))}` : "no answer yet";
    rows.push({ key: "status", tone: "bad", title: "Figures", word: age });
  }
  if (status) {
    const away = status.redis === "away";
    rows.push({
      key: "redis", tone: away ? "warn" : "good", title: "Redis", word: away ? "away" : "connected",
      help: away ? "Polls and votes go on; other servers hear changes up to a second later. Start Redis again when you can." : "",
    });
    const probe = status.probe ?? { state: "off" };
    if (probe.state === "ok" && probe.lag_ms !== null) {
      rows.push({ key: "probe", tone: "good", title: "From vote to overlay", word: lag(probe.lag_ms) });
    } else if (probe.state === "failing") {
      rows.push({
        key: "probe", tone: "warn", title: "From vote to overlay", word: "nothing comes through",
        help: "A simulated vote is sent the whole way every 10 s. Look at the terminal where Hubbub runs for how far it came.",
      });
    }
    const dropped = status.dropped ?? 0;
    rows.push({
      key: "dropped", tone: dropped ? "warn" : "good", title: "Chat lines dropped", word: dropped ? `${many(dropped, "line")} in 24 h` : "none in 24 h",
      help: dropped ? "The database was away, or slower than chat. Votes among those lines do not count." : "",
    });
  }
  return rows;
}

function troubleCount({ channels, overlays, status }, rows) {
  let bad = rows.filter((row) => row.tone === "bad" || row.tone === "warn").length;
  const fresh = status?.channels ?? channels ?? [];
  bad += fresh.filter((channel) => channel.status === "failing").length;
  const known = status?.overlays ?? overlays ?? [];
  if (known.length > 0 && known.every((overlay) => (overlay.sources ?? []).length === 0)) bad += 1;
  return bad;
}

function lamp() {
  const title = h("strong");
  const word = h("span", { class: "lamp-word" });
  const help = h("p", { class: "lamp-help" });
  const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
    h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, title, word), help));
  return {
    root,
    update(row) {
      setData(root, "tone", row.tone);
      setText(title, row.title);
      setText(word, row.word);
      setText(help, row.help);
      visible(help, row.help);
    },
  };
}

/** Checks of the server or of all together; any other one is about a single channel or overlay, and has its name in it. */
const NAMELESS = ["Database", "Clock", "Redis", "Channels", "Chat clock", "Overlays", "Stage", "Lost lines", "Disk"];
const CHECK = { pass: ["good", "fine"], warn: ["warn", "look at it"], fail: ["bad", "not fine"] };

function checkRow(fixes) {
  const title = h("span", { dir: "auto" });
  const verdict = h("span");
  const detail = h("p", { class: "lamp-facts" });
  const fix = h("p", { class: "lamp-help" });
  const place = fixPlace();
  const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
    h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, h("strong", {}, h("span", {}, title, verdict))), detail, fix, place));
  return {
    root,
    update(check) {
      for (const node of [title, detail, fix]) node.classList.toggle("name", !NAMELESS.includes(check.name));
      const [tone, word] = CHECK[check.status] ?? CHECK.warn;
      setData(root, "tone", tone);
      setText(title, check.name);
      setText(verdict, `: ${word}`);
      setText(detail, check.detail);
      setText(fix, check.status === "pass" ? "" : check.fix);
      visible(fix, fix.textContent);
      keepButton(place, fixes, check.button ?? null);
      place.classList.toggle("name", check.button?.do === "remind"); // it has a name in it
    },
  };
}
