// What the page can know about the source it runs in: OBS or a browser, shown or hidden. Level-1 facts only;
// nothing is ever asked of OBS but its version and our own permission level.

/** The OBS version in the user agent ("31.0.2"), or null outside OBS. */
export function obsVersion(userAgent = navigator.userAgent) {
  const match = /\bOBS\/([0-9][0-9A-Za-z.+-]{0,19})/.exec(userAgent);
  if (match) return match[1];
  const plugin = window.obsstudio?.pluginVersion;
  return typeof plugin === "string" ? plugin.slice(0, 20) : null;
}

/** The `client` of a hello. `name` comes from the address (`?name=`), for people with several sources. */
export function clientFacts(name) {
  const obs = obsVersion();
  const facts = { kind: "overlay", name: name || (obs === null ? "Browser" : "OBS") };
  if (obs !== null) facts.obs = obs;
  // A source that was never shown may have no size yet; the server takes 1 to 16384.
  const side = (pixels) => Math.min(16_384, Math.max(1, Math.round(pixels)));
  facts.viewport = { w: side(window.innerWidth), h: side(window.innerHeight) };
  return facts;
}

/**
 * Calls `change(shown)` whenever the source is shown or hidden. In OBS its own events decide, because
 * `document.visibilityState` has been unreliable there; elsewhere the document does. OBS tells changes only: a
 * page that it has just loaded is taken as shown, for a hidden one that draws costs little, and a shown one that
 * sleeps is a stream without its poll.
 */
export function watchShown(change) {
  let obs = window.obsstudio ? true : null;
  const tell = () => change(obs ?? document.visibilityState !== "hidden");
  window.addEventListener("obsSourceVisibleChanged", (event) => {
    if (typeof event.detail?.visible === "boolean") obs = event.detail.visible;
    tell();
  });
  document.addEventListener("visibilitychange", tell);
  tell();
}

/** Warns in the console when the source may do more in OBS than read: an overlay link is a secret that leaks. */
export function warnAboutPermissions() {
  if (typeof window.obsstudio?.getControlLevel !== "function") return;
  window.obsstudio.getControlLevel((level) => {
    if (level > 1) console.warn(`hubbub: set this source's "Page permissions" to the lowest level (it is ${level})`);
  });
}
