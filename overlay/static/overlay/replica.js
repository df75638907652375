// A room's boards as this page has them, with their position (epoch, seq). Frames go in, a verdict comes out;
// no sockets, no time. The rules are contract §7: absolute values, a delta only where it fits, never a guess.

export class Replica {
  epoch = null;
  seq = 0;
  boards = {};
  layout = null;

  /** Whether there is a position to resume from. */
  get known() {
    return this.epoch !== null;
  }

  /**
   * Takes in a `snapshot`, `delta` or `ping`.
   * Returns "changed" (boards or layout are new), "same", "gap" (ask for a resync now) or
   * "behind" (a ping knows more: ask for a resync if that is still so in a second).
   */
  apply(frame) {
    if (frame.op === "snapshot") return this.#snapshot(frame);
    if (frame.op === "delta") return this.#delta(frame);
    if (frame.op === "ping") return this.#ping(frame);
    return "same";
  }

  /** Forgets everything. */
  clear() {
    this.epoch = null;
    this.seq = 0;
    this.boards = {};
    this.layout = null;
  }

  #snapshot(frame) {
    this.epoch = frame.epoch;
    this.seq = frame.seq;
    this.boards = { ...frame.boards };
    if (frame.layout && typeof frame.layout === "object") this.layout = frame.layout;
    return "changed";
  }

  #delta(frame) {
    const fits = frame.epoch === this.epoch && frame.from <= this.seq && this.seq < frame.to;
    if (!fits) return "gap";
    const boards = { ...this.boards, ...frame.set };
    for (const id of frame.unset ?? []) delete boards[id];
    this.boards = boards;
    this.seq = frame.to;
    return "changed";
  }

  #ping(frame) {
    if (frame.epoch !== this.epoch) return "gap";
    return frame.seq > this.seq ? "behind" : "same";
  }
}
