// A new build on the server: the page reloads itself, when nobody is looking, at latest after ten minutes.

const LATEST_MS = 10 * 60_000;
const JITTER_MS = 20_000;
const STORED = "hubbub-reloaded-for";

/** The build this module was loaded from: /static/{build}/overlay/renewal.js. */
export function ownBuild(url = import.meta.url) {
  return /\/static\/([^/]+)\//.exec(url)?.[1] ?? null;
}

export class Renewal {
  #calm;
  #reload;
  #wanted = null;
  #timer = 0;
  #deadline = 0;

  /** `calm()` says whether a reload would be seen by nobody. */
  constructor(calm, reload = () => location.reload()) {
    this.#calm = calm;
    this.#reload = reload;
  }

  /** The server runs `build`. One reload per build: a proxy that serves old pages must not make a loop. */
  announce(build) {
    const own = ownBuild();
    if (own === null || build === null || build === own || build === this.#wanted) return;
    if (recall() === build) return;
    this.#wanted = build;
    this.#deadline = Date.now() + LATEST_MS;
    this.#wait(Math.random() * JITTER_MS);
  }

  #wait(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#calm() && Date.now() < this.#deadline) {
        this.#wait(5000 + Math.random() * 5000);
        return;
      }
      if (remember(this.#wanted)) this.#reload();
    }, delay);
  }
}

// Storage may be forbidden; then a reload could not be remembered, and is not made.
function recall() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(build) {
  try {
    sessionStorage.setItem(STORED, build);
    return true;
  } catch {
    return false;
  }
}
