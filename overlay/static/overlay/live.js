// The connection to /live: hello, resume, resync, and coming back for ever (contract §7). Used by the overlay
// page and by the desk.
//
//   const live = new LiveConnection({ key: "ovl_…", client: { kind: "overlay", name: "OBS" } });
//   live.addEventListener("boards", () => draw(live.boards));
//   live.start();
//
// Events: "boards" (boards or layout are new), "time" (offset is new), "event" (detail: the frame of something
// that happens once), "state" (connecting, live, lost, revoked), "stale" (whether the server can vouch for what
// it sends). A key may be a function that fetches one: the desk's tickets are good for one connection.

import { ServerOffset } from "./clock.js";
import { fingerprint } from "./fingerprint.js";
import { Replica } from "./replica.js";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
/** The server pings every 5 s: no frame for this long means that nobody is there. */
export const SILENCE_MS = 12_000;
const BEHIND_MS = 1000;
/** The server takes one resync per client in two seconds. */
const RESYNC_EVERY_MS = 2000;
/** A connection that lived this long was a good one: the next retry is quick again. */
const HEALTHY_MS = 10_000;
const CLOSE_KEY = 4401;
const REMEMBERED_EVENTS = 200;

export function defaultUrl() {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/live`;
}

/**
 * How long to wait before the next try, `away` ms after the connection was lost: full jitter under a ceiling
 * that grows with the time away. So after a restart of two seconds nobody comes back later than after four.
 */
export function retryDelay(away, random = Math.random) {
  return random() * Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, away));
}

export class LiveConnection extends EventTarget {
  #url;
  #key;
  #client;
  #campaign;
  #random;
  #replica = new Replica();
  #clock = new ServerOffset();
  #socket = null;
  #awaySince = 0;
  #openedAt = 0;
  #notBefore = 0;
  #bidden = false;
  #timers = { retry: 0, silence: 0, behind: 0 };
  #resyncAt = -Infinity;
  #seen = [];
  #running = false;
  state = "connecting";
  /** The server's build, as of the last snapshot. */
  build = null;
  /** Local time of the last frame (ms), 0 before the first. */
  heardAt = 0;
  /** The server has lost its database: what it sends may be old. */
  stale = false;
  /** Local time of the last frame that the server could vouch for (ms), 0 before the first. */
  freshAt = 0;
  /** How late the last frame was against the best one, ms. */
  lag = 0;

  /** `key`: text, or an async function that gives one. `client`: {kind, name, obs?, viewport?}. */
  constructor({ url = defaultUrl(), key, client, campaign = null, random = Math.random }) {
    super();
    this.#url = url;
    this.#key = key;
    this.#client = client;
    this.#campaign = campaign;
    this.#random = random;
  }

  get boards() {
    return this.#replica.boards;
  }

  get layout() {
    return this.#replica.layout;
  }

  get seq() {
    return this.#replica.seq;
  }

  /** Server time minus Date.now(), ms. */
  get offset() {
    return this.#clock.value;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  stop() {
    this.#running = false;
    for (const name of Object.keys(this.#timers)) this.#clear(name);
    this.#drop(1000);
  }

  /** Tries now if it is only waiting for its next try (the network is back, the page is shown). */
  hurry() {
    if (!this.#running || this.#socket !== null || !this.#timers.retry) return;
    if (Date.now() < this.#notBefore) return;
    this.#clear("retry");
    this.#connect();
  }

  async #connect() {
    this.#clear("retry");
    // Whatever goes wrong from here on, a try has been made, and another will follow.
    this.#arm("silence", SILENCE_MS, () => this.#lose());
    let key;
    try {
      key = typeof this.#key === "function" ? await this.#key() : this.#key;
    } catch {
      if (this.#running && this.#socket === null) this.#lose();
      return;
    }
    if (!this.#running || this.#socket !== null) return;
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch {
      this.#lose();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#hello(socket, key);
    socket.onmessage = (message) => this.#receive(socket, message.data);
    socket.onclose = (close) => this.#closed(socket, close.code);
  }

  #hello(socket, key) {
    if (socket !== this.#socket) return;
    this.#openedAt = Date.now();
    const hello = { op: "hello", proto: 1, key, client: this.#client };
    if (this.#campaign !== null) hello.campaign = this.#campaign;
    if (this.#replica.known) Object.assign(hello, { epoch: this.#replica.epoch, seq: this.#replica.seq });
    socket.send(JSON.stringify(hello));
  }

  #receive(socket, text) {
    if (socket !== this.#socket) return;
    const arrival = Date.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.#resync("not JSON");
      return;
    }
    this.heardAt = arrival;
    this.#arm("silence", SILENCE_MS, () => this.#lose());
    if (typeof frame.at === "string") this.#hear(Date.parse(frame.at), arrival);
    if (frame.op === "bye") {
      const wait = Number.isFinite(frame.retry_ms) ? Math.min(60_000, Math.max(0, frame.retry_ms)) : 0;
      this.#notBefore = arrival + wait;
      this.#bidden = wait > 0;
      return;
    }
    if (frame.op === "ping") this.#doubt(frame.stale === true);
    if (!this.stale) this.freshAt = arrival;
    if (frame.op === "event") {
      this.#once(frame);
      return;
    }
    this.#enterLive();
    this.#judge(frame);
  }

  #doubt(stale) {
    if (stale === this.stale) return;
    this.stale = stale;
    this.dispatchEvent(new CustomEvent("stale"));
  }

  #judge(frame) {
    if (frame.op === "snapshot" && typeof frame.build === "string") this.build = frame.build;
    const verdict = this.#replica.apply(frame);
    if (verdict === "changed") {
      if (frame.op === "snapshot") this.#resyncAt = -Infinity;
      this.#clear("behind");
      this.dispatchEvent(new CustomEvent("boards"));
    } else if (verdict === "gap") {
      this.#resync(`${frame.op} does not fit`);
    } else if (verdict === "behind" && !this.#timers.behind) {
      const { seq } = frame;
      this.#arm("behind", BEHIND_MS, () => {
        if (this.#replica.seq < seq) this.#resync("behind a ping");
      });
    }
    if (frame.op === "ping") this.#ack();
  }

  #ack() {
    const ack = { op: "ack", seq: this.#replica.seq };
    // What is shown goes with where it stands: a server that knows better sends a snapshot.
    if (this.#replica.known) ack.hash = fingerprint(this.#replica.boards);
    this.#send(ack);
  }

  #hear(at, arrival) {
    const before = this.#clock.value;
    this.#clock.sample(at, arrival);
    this.lag = Math.max(0, Math.round(arrival + this.#clock.value - at));
    if (this.#clock.value !== before) this.dispatchEvent(new CustomEvent("time"));
  }

  #once(frame) {
    // After a resume an event may come twice; what was shown once is not shown again.
    if (this.#seen.includes(frame.id)) return;
    this.#seen.push(frame.id);
    if (this.#seen.length > REMEMBERED_EVENTS) this.#seen.shift();
    this.dispatchEvent(new CustomEvent("event", { detail: frame }));
  }

  #resync(why) {
    const now = Date.now();
    if (now - this.#resyncAt < RESYNC_EVERY_MS) return;
    this.#resyncAt = now;
    this.#send({ op: "resync", why });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    if (code === CLOSE_KEY) {
      // The link was revoked: nothing more is ours to show, and asking again would only be a guess.
      this.stop();
      this.#replica.clear();
      this.#become("revoked");
      this.dispatchEvent(new CustomEvent("boards"));
      return;
    }
    this.#lose();
  }

  #lose() {
    this.#clear("silence");
    this.#clear("behind");
    const now = Date.now();
    const wasGood = this.#openedAt !== 0 && now - this.#openedAt >= HEALTHY_MS;
    if (wasGood || this.#awaySince === 0) this.#awaySince = now;
    this.#openedAt = 0;
    this.#drop(4000);
    this.#resyncAt = -Infinity;
    this.stale = false;
    this.#become("lost");
    // Who was told when to be back was given a moment of its own.
    const patience = Math.max(0, this.#notBefore - now);
    const delay = this.#bidden ? patience : patience + retryDelay(now - this.#awaySince, this.#random);
    this.#bidden = false;
    this.#arm("retry", delay, () => this.#connect());
  }

  #drop(code) {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #enterLive() {
    if (this.state !== "live") this.#become("live");
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state } }));
  }

  #arm(name, delay, run) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(() => {
      this.#timers[name] = 0;
      run();
    }, delay);
  }

  #clear(name) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = 0;
  }
}
