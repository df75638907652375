// The polite live region: a screen reader hears the tally and what changed, at most once in five seconds.

import { h } from "./dom.js";

const EVERY_MS = 5000;

export class Announcer {
  constructor() {
    this.root = h("div", { class: "unseen", role: "status", "aria-live": "polite", id: "announcer" });
    this.last = -EVERY_MS;
    this.next = null;
    this.timer = 0;
  }

  /** Says `text` now or when five seconds have passed; the newest message wins. */
  say(text) {
    this.next = text;
    if (this.timer) return;
    const wait = Math.max(0, this.last + EVERY_MS - performance.now());
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.last = performance.now();
      this.root.textContent = this.next;
    }, wait);
  }

  /** Says the tally unless something more important waits. */
  tally(text) {
    if (!this.timer && this.root.textContent !== text) this.say(text);
  }
}
