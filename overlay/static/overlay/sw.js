// Service worker for /o/: a source that OBS opens while the server is away still comes up and keeps trying.
// The page is fetched from the network first; only when that fails is the kept copy used, together with
// the very files it was made for, because those live under the same build in the same cache.

const BUILD = "{{build}}";
const CACHE = `hubbub-overlay-${BUILD}`;
const SHELL = "/o/";
const STATIC = `/static/${BUILD}/`;
const SHELL_PATIENCE_MS = 3000;
const FILES = [
  "overlay/address.js", "overlay/alert.css", "overlay/alert.js", "overlay/alert_shapes.js", "overlay/alert_view.js",
  "overlay/alert_words.js", "overlay/card.js", "overlay/card_view.js", "overlay/clock.js",
  "overlay/condition_signs.js", "overlay/confetti.js", "overlay/debug.js", "overlay/dice.css", "overlay/dice.js",
  "overlay/dice_shapes.js", "overlay/dice_view.js", "overlay/die.js", "overlay/director.js", "overlay/figure.js",
  "overlay/fingerprint.js", "overlay/format.js", "overlay/initiative.js", "overlay/initiative_view.js",
  "overlay/live.js", "overlay/main.js", "overlay/motion.js", "overlay/page.css", "overlay/party.js",
  "overlay/party_view.js", "overlay/place.js", "overlay/poll.css", "overlay/poll.js", "overlay/poll_view.js",
  "overlay/renewal.js", "overlay/replica.js", "overlay/roll_card.js", "overlay/roll_view.js", "overlay/shapes.js",
  "overlay/source.js", "overlay/stage.css", "overlay/stage.js", "overlay/table.css", "overlay/text.js",
  "overlay/widgets.js", "overlay/words.js", "overlay/write.js", "themes/arcade.css", "themes/night.css",
  "themes/paper.css",
];

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forget().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname.startsWith(SHELL)) event.respondWith(page(request));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
});

/** Takes the files of this build, and the page that asked for them. */
async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((name) => STATIC + name));
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = windows.map((client) => new URL(client.url).pathname).find((path) => path.startsWith(SHELL));
  if (page === undefined) return;
  const answer = await fetch(page, { cache: "no-store" });
  await keepPage(cache, answer);
}

/** All overlays share one page; it is kept if it is of this build. */
async function keepPage(cache, answer) {
  if (!answer.ok) return;
  const text = await answer.clone().text();
  if (text.includes(STATIC)) await cache.put(SHELL, answer);
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("hubbub-overlay-") && name !== CACHE).map((name) => caches.delete(name)));
}

async function page(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(SHELL);
  try {
    const answer = await patiently(fetch(request), kept === undefined ? null : SHELL_PATIENCE_MS);
    // A proxy in front of a server that is down answers for it; the kept page is better than its excuse.
    if (answer.status >= 500 && kept !== undefined) return kept;
    if (kept === undefined) await keepPage(cache, answer.clone());
    return answer;
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
}

/** Files of a build never change: the kept one is right, another build's comes from the network. */
async function file(request) {
  const kept = await caches.match(request);
  return kept ?? fetch(request);
}

function patiently(answer, patience) {
  if (patience === null) return answer;
  return Promise.race([
    answer,
    new Promise((_, reject) => setTimeout(() => reject(new Error("the server did not answer in time")), patience)),
  ]);
}
