// Short notes at the edge of the desk: what happened, and the way back (undo) while there is one.

import { button, h, iconButton, setText } from "./dom.js";
import { left, serverNow } from "./time.js";
import { whenLifted } from "./touch.js";
import { failure } from "./words.js";

const NOTE_MS = 6000;
const ERROR_MS = 15000;

export class Toasts {
  constructor(announcer) {
    this.root = h("div", { class: "toasts", role: "region", "aria-label": "Messages" });
    this.announcer = announcer;
    this.undoable = [];
  }

  /** A fact that needs no answer. */
  note(title, text = "") {
    this.put("note", title, text, NOTE_MS);
  }

  /** A fact that lasts: stands there until the returned function is called. */
  wait(title, text) {
    return this.put("note", title, text, null);
  }

  /** A failure in words. `actions`: [[label, run], …] beside it. */
  fail(error, doing, actions = []) {
    const { title, text } = failure(error, doing);
    this.put("error", title, text, ERROR_MS, actions);
  }

  warn(title, text, actions = []) {
    this.put("error", title, text, ERROR_MS, actions);
  }

  /**
   * Something was taken away and can come back until `untilMs` (server time).
   * `undo()` runs once. Returns a function that removes the bar.
   */
  undo(title, untilMs, undo) {
    const clock = h("span", { class: "toast-clock" });
    const bar = h("i", { class: "toast-bar", "aria-hidden": "true" });
    const total = Math.max(1, untilMs - serverNow());
    let timer = 0;
    const entry = { run: null };
    const close = () => {
      clearInterval(timer);
      this.undoable = this.undoable.filter((other) => other !== entry);
      node.remove();
    };
    entry.run = () => {
      close();
      undo();
    };
    const node = h("div", { class: "toast undo", role: "group", "aria-label": title },
      h("div", { class: "toast-words" }, h("strong", { text: title }), clock),
      button("Undo", "accent", entry.run, { "aria-keyshortcuts": "U" }), h("kbd", { text: "U" }), bar);
    const tick = () => {
      const remaining = untilMs - serverNow();
      if (remaining <= 0) {
        close();
        return;
      }
      setText(clock, `can be undone for ${left(remaining)}`);
      bar.style.transform = `scaleX(${Math.min(1, remaining / total)})`;
    };
    tick();
    timer = setInterval(tick, 250);
    this.undoable.push(entry);
    this.root.append(node);
    this.announcer.say(`${title}. Press U to undo.`);
    return close;
  }

  /** The newest undo, for the keyboard. False when there is none. */
  undoLast() {
    const entry = this.undoable.at(-1);
    if (!entry) return false;
    entry.run();
    return true;
  }

  /** `title` and `text` are words, or lists of words and elements. `ms`: null stays. Returns what takes it away. */
  put(kind, title, text, ms, actions = []) {
    let node = null;
    let isOver = false;
    const close = () => {
      isOver = true;
      node?.remove();
    };
    whenLifted(() => {
      if (isOver) return;
      const words = h("div", { class: "toast-words" }, h("strong", {}, h("span", {}, title)), text && h("p", {}, text));
      const same = [...this.root.children].find((other) => other.firstChild.textContent === words.textContent);
      same?.remove();
      node = h("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, words,
        actions.map(([label, run]) => button(label, "plain", () => {
          close();
          run();
        })),
        iconButton("close", "Close this message", close));
      // At most three: older ones make room, except what can still be undone.
      const plain = [...this.root.children].filter((child) => !child.classList.contains("undo"));
      if (plain.length >= 3) plain[0].remove();
      this.root.append(node);
      if (ms !== null) setTimeout(close, ms);
    });
    return close;
  }
}

/** A list that could not be read: says so in its place, with a way to try again. */
export function unread(error, what, again) {
  const { title, text } = failure(error, `read ${what}`);
  return h("div", { class: "teach bad" }, h("p", {}, h("strong", { text: title }), " ", text),
    button("Try again", "plain", again));
}
