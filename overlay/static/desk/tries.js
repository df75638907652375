// The tries of one write: whether another one is due, and how much the last answer says about the first try.

import { Problem, Unanswered } from "./problem.js";

const AGAIN_MS = [300, 900, 2000]; // after these the person is told; the same key makes repeats harmless
const STILL_MS = 35000; // the server keeps a key for 30 s for a request that never ended
const LONGEST_MS = 3000;
const AWAY = [502, 503, 504]; // a restarting server behind a proxy
const UNHEARD = [401, 403, 429]; // refused before the key was looked at: says nothing about an earlier try

export class Tries {
  /** `onStill()` is called once when an earlier try is still being done; it returns what is called when that is over. */
  constructor(onStill) {
    this.onStill = onStill;
    this.failed = 0;
    this.unsure = false;
    this.stillSince = null;
    this.over = () => {};
  }

  /** The pause before the next try in ms, or null when `error` is the last word. Notes in it what it leaves open. */
  pauseAfter(error) {
    const isProblem = error instanceof Problem;
    if (!isProblem && !(error instanceof Unanswered)) return null;
    this.unsure ||= !isProblem || error.stillRunning || error.status === 502 || error.status === 504;
    const isFinal = isProblem && error.status < 500 && !error.stillRunning && !UNHEARD.includes(error.status);
    error.unsure = this.unsure && !isFinal;
    if (isProblem && error.stillRunning) return this.pauseWhileDone(error);
    if (isProblem && !AWAY.includes(error.status)) return null;
    this.failed += 1;
    return AGAIN_MS[this.failed - 1] ?? null;
  }

  pauseWhileDone(error) {
    if (this.stillSince === null) {
      this.stillSince = performance.now();
      this.over = this.onStill();
    }
    const waited = performance.now() - this.stillSince;
    // Longer and longer: a desk has sixty writes a minute.
    return waited < STILL_MS ? Math.max(error.retryAfterMs, Math.min(waited / 4, LONGEST_MS)) : null;
  }
}
