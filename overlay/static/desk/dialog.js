// A modal dialog in the desk's clothes: title, body, a row of buttons; Esc closes it and focus goes back.

import { h, iconButton, uniqueId } from "./dom.js";

export class Dialog {
  /** Notes and the live region: they move into the dialog while it is open, where they can be pressed and heard. */
  static floating = [];

  /** `wide`: for forms. `onclose()` runs whenever it closes. */
  constructor(title, { wide = false, onclose = () => {} } = {}) {
    const id = uniqueId("dialog");
    this.title = h("h2", { id, text: title });
    this.body = h("div", { class: "dialog-body" });
    this.foot = h("div", { class: "dialog-foot" });
    this.root = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id },
      h("div", { class: "dialog-head" }, this.title,
        iconButton("close", "Close", () => this.close())),
      this.body, this.foot);
    this.onclose = onclose;
    this.root.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.root.addEventListener("close", () => this.leave());
    // A press on the dark outside closes, but not a drag that began inside (selecting text).
    this.root.addEventListener("pointerdown", (event) => { this.outside = event.target === this.root; });
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root && this.outside) this.close();
    });
  }

  open(focus) {
    if (this.root.open) return;
    this.back = document.activeElement;
    document.body.append(this.root);
    this.root.append(...Dialog.floating);
    this.root.showModal();
    this.body.scrollTop = 0;
    (focus ?? this.body.querySelector("input, button, select") ?? this.foot.querySelector("button"))?.focus();
  }

  close() {
    if (!this.root.open) return;
    this.root.close();
    this.leave();
  }

  /**
   * At once, not when the browser tells of it: until then the focus is in a field that nobody sees, and it would eat
   * the next key.
   */
  leave() {
    if (this.root.open || !this.root.isConnected) return;
    document.body.append(...Dialog.floating);
    this.root.remove();
    this.back?.focus?.();
    this.onclose();
  }
}

/** Is any dialog open? Global keys are silent then. */
export function dialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
