// The HTTP API as the desk speaks it: CSRF header, idempotent POSTs, retries with the same key, problems as errors.

import { Problem, Unanswered } from "./problem.js";
import { Tries } from "./tries.js";

const TIMEOUT_MS = 5000;

/** A UUID also where `crypto.randomUUID` is missing: a phone on the LAN has no secure context. */
export function newKey() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Api {
  /**
   * `onSignedOut()` is called when the session is gone (401), `onStill()` when a write is found to be still being done;
   * what it returns is called when that is over.
   */
  constructor(onSignedOut = () => {}, onStill = () => () => {}) {
    this.csrf = null;
    Object.assign(this, { onSignedOut, onStill });
  }

  get(path) {
    return this.once("GET", path);
  }

  patch(path, body) {
    return this.stubborn("PATCH", path, body);
  }

  delete(path) {
    return this.stubborn("DELETE", path);
  }

  /** `onStill`: another one for this write. */
  post(path, body = {}, onStill = undefined) {
    return this.stubborn("POST", path, body, newKey(), onStill);
  }

  /** One page after the other until `next` is null; at most `pages`. */
  async all(path, pages = 5) {
    const items = [];
    let cursor = null;
    for (let page = 0; page < pages; page += 1) {
      const glue = path.includes("?") ? "&" : "?";
      const more = cursor ? `${glue}cursor=${encodeURIComponent(cursor)}` : "";
      const answer = await this.get(`${path}${more}`);
      items.push(...answer.items);
      cursor = answer.next;
      if (!cursor) break;
    }
    return items;
  }

  /** The session: who we are and the CSRF token for writes. */
  async session() {
    const session = await this.get("/session");
    this.csrf = session.csrf;
    return session;
  }

  async stubborn(method, path, body, key, onStill = this.onStill) {
    const tries = new Tries(onStill);
    let renewed = false;
    try {
      for (;;) {
        try {
          return await this.once(method, path, body, key);
        } catch (error) {
          const wait = tries.pauseAfter(error);
          // An earlier try has deleted it: gone is what was asked for.
          if (method === "DELETE" && error.status === 404 && tries.unsure) return null;
          if (wait !== null) await pause(wait);
          else if (error instanceof Problem && error.status === 403 && !renewed) {
            // Another tab may have signed in anew: take its token and try once more.
            renewed = true;
            const before = this.csrf;
            await this.session();
            if (this.csrf === before) throw error;
          } else throw error;
        }
      }
    } finally {
      tries.over();
    }
  }

  async once(method, path, body, key) {
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRF-Token"] = this.csrf ?? "";
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    let response;
    let text;
    try {
      response = await fetch(`/api/v1${path}`, {
        method, headers, signal: stop.signal, credentials: "same-origin", cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      text = await response.text();
    } catch (cause) {
      throw new Unanswered("The server did not answer.", { cause });
    } finally {
      clearTimeout(timer);
    }
    const answer = parse(text);
    if (response.ok) return answer;
    if (response.status === 401) this.onSignedOut();
    throw new Problem(response.status, answer ?? {}, response.headers.get("Retry-After"));
  }
}

function parse(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's HTML error page: the status says enough
  }
}
