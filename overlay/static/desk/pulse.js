// The desk's own pulse: the status every two seconds while the page is seen, the lists now and then.

import { Unanswered } from "./problem.js";
import { fromPoll } from "./show.js";
import { serverNow, setOffset, toMs } from "./time.js";

const STATUS_MS = 2000;
const LISTS_MS = 30000; // another desk or a script may have changed them

export class Pulse {
  /** `lists()` reads rundown, channels, overlays and history anew. */
  constructor(store, api, actions, lists) {
    Object.assign(this, { store, api, actions, lists });
    this.timer = 0;
    this.listsAt = performance.now();
    this.seen = null; // poll id and state of the last status
    document.addEventListener("visibilitychange", () => this.wake());
  }

  start() {
    this.stop();
    this.listsAt = performance.now();
    this.beat();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.round = null;
  }

  wake() {
    if (document.hidden) {
      clearTimeout(this.timer);
      return;
    }
    if (this.store.get().campaign && !this.store.get().signedOut) {
      this.listsAt = -Infinity;
      this.start();
      this.lists();
    }
  }

  async beat() {
    const round = {};
    this.round = round;
    const { campaign } = this.store.get();
    const asked = Date.now();
    try {
      const status = await this.api.get(`/campaigns/${campaign.id}/status`);
      if (this.round !== round) return;
      this.learnTime(status, asked);
      this.store.set({ status, statusAt: Date.now(), statusError: null, roundTrip: Date.now() - asked });
      await this.follow(status.poll);
    } catch (error) {
      if (this.round !== round) return;
      this.store.set({ statusError: error });
      if (!(error instanceof Unanswered)) console.warn("status", error);
    }
    if (this.round !== round || this.store.get().signedOut || document.hidden) return;
    this.timer = setTimeout(() => this.beat(), STATUS_MS);
    if (performance.now() - this.listsAt > LISTS_MS) {
      this.listsAt = performance.now();
      this.lists();
    }
  }

  /** Until the live connection measures better: server time was half a round trip ago. */
  learnTime(status, asked) {
    if (this.store.get().link.state === "live") return;
    const at = toMs(status.at);
    if (at !== null) setOffset(at + (Date.now() - asked) / 2 - Date.now());
  }

  /** The lists change with the show; without a live connection the show itself is read here. */
  async follow(poll) {
    const running = poll ? `${poll.id}:${poll.state}` : "none";
    const moved = this.seen !== null && this.seen !== running;
    this.seen = running;
    if (moved) this.lists();
    if (this.store.get().link.state === "live") return;
    // The status names a poll only while votes come in; a closed or revealed one is still on stage.
    const id = poll?.id ?? this.store.get().show?.id;
    if (!id) return;
    const now = await this.api.get(`/polls/${id}`);
    if (this.store.get().link.state !== "live") this.actions.adoptLive(fromPoll(now, serverNow()));
  }
}
