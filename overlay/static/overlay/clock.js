// Time for a stage: what the server's clock says now, one timer for everything that is due,
// and one animation frame loop that lives only while a number is moving.

/**
 * Estimates the server's clock from the `at` of its frames. A frame can only be late, so the sample with
 * the greatest `at - arrival` of the last minute is the nearest to the truth; small corrections are slewed,
 * because a countdown that jumps looks broken.
 */
export class ServerOffset {
  #samples = [];
  #known = false;
  /** Server time minus local time, in ms. */
  value = 0;

  /** Takes in a frame of server time `at` (ms) that arrived at local time `arrival` (ms). Returns `value`. */
  sample(at, arrival) {
    if (!Number.isFinite(at)) return this.value;
    const measured = at - arrival;
    // One of the two clocks was set: what was learnt before is worth nothing.
    if (this.#known && Math.abs(measured - this.value) > 2000) this.#samples = [];
    this.#samples.push(measured);
    if (this.#samples.length > 12) this.#samples.shift();
    const best = Math.max(...this.#samples);
    const error = best - this.value;
    this.value += !this.#known || Math.abs(error) > 250 ? error : error * 0.3;
    this.#known = true;
    return this.value;
  }
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** The scheduler of one stage: `wake` for what changes at an instant, `frames` for what moves. */
export class StageClock {
  #onDue;
  #timer = 0;
  #due = null;
  #steps = new Set();
  #frame = 0;
  /** Server time minus local time, in ms. */
  offset = 0;

  /** `onDue()` is called when the instant given to `wake` has come. */
  constructor(onDue) {
    this.#onDue = onDue;
  }

  /** The server's time in ms since 1970. */
  now() {
    return Date.now() + this.offset;
  }

  /** Asks for one call of `onDue` at server time `at`; null asks for none. Replaces what was asked before. */
  wake(at) {
    if (at === this.#due && this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#due = at;
    if (at === null) return;
    // A millisecond late is right, a millisecond early would show the old second again.
    const delay = Math.min(LONGEST_TIMER, Math.max(1, Math.ceil(at - this.now()) + 1));
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#due = null;
      this.#onDue();
    }, delay);
  }

  /** Calls `step(now)` on every frame until it returns false. */
  frames(step) {
    this.#steps.add(step);
    if (!this.#frame) this.#frame = requestAnimationFrame(this.#run);
  }

  /** Forgets every timer and frame. */
  stop() {
    this.wake(null);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#steps.clear();
  }

  #run = () => {
    this.#frame = 0;
    const now = this.now();
    for (const step of [...this.#steps]) {
      if (!step(now)) this.#steps.delete(step);
    }
    if (this.#steps.size > 0) this.#frame = requestAnimationFrame(this.#run);
  };
}
