// A number on screen that walks to its new value. The first value is simply there.

import { easeOut } from "./poll_view.js";

export const TWEEN_MS = 300;

export class Figure {
  #node;
  #write;
  #from = 0;
  #to = null;
  #motion = null;
  #shown = null;

  /** Writes `write(value)` into `element` as text. */
  constructor(element, write) {
    this.#node = document.createTextNode("");
    element.append(this.#node);
    this.#write = write;
  }

  /** Shows `value` at once. */
  put(value) {
    this.#to = value;
    this.#motion = null;
    this.#show(value);
  }

  /** Walks to `value` from what is shown now, beginning at server time `now`. */
  walk(value, now) {
    if (this.#to === null) return this.put(value);
    if (value === this.#to) return undefined;
    this.#from = this.#at(now);
    this.#to = value;
    this.#motion = { start: now, duration: TWEEN_MS };
    return undefined;
  }

  /** Walks from 0 to `value` along `motion`, from wherever `now` is on it. */
  race(value, motion, now) {
    this.#from = 0;
    this.#to = value;
    this.#motion = motion;
    this.#show(this.#at(now));
  }

  /** Draws the number of `now`; true while it is still walking. */
  step(now) {
    if (this.#motion === null) return false;
    const done = now >= this.#motion.start + this.#motion.duration;
    this.#show(done ? this.#to : this.#at(now));
    if (done) this.#motion = null;
    return !done;
  }

  #at(now) {
    if (this.#motion === null) return this.#to;
    const x = Math.min(1, Math.max(0, (now - this.#motion.start) / this.#motion.duration));
    return this.#from + (this.#to - this.#from) * easeOut(x);
  }

  #show(value) {
    const text = this.#write(value);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#node.data = text;
  }
}
