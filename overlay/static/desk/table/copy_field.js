// Something to be copied elsewhere: an address, a snippet, or a secret, which is not in the page before a click.

import { button, h, setAttr, setText, show as visible } from "../dom.js";
import { copyText } from "../link_once.js";

const DOTS = "••••••••••••••••••••";
const COPIED_MS = 2500;

/** `isSecret`: dots until it is pressed; copying does not need that. */
export class CopyField {
  constructor(toasts, label, isSecret = false) {
    Object.assign(this, { toasts, label, isSecret });
    this.value = null;
    this.text = isSecret ? h("button", { type: "button", class: "secret", onclick: () => this.toggle() }) : h("code", { class: "copied",
      tabindex: "0" });
    this.button = button("Copy", "plain small", () => this.copy(), { "aria-label": `Copy: ${label}` });
    this.root = h("div", { class: "copy-field" }, h("span", { class: "label", text: label }), h("div", { class: "copy-line" }, this.text,
      this.button));
  }

  /** `shown`: what is written instead, for a snippet with a secret in it. */
  set(value, shown = value) {
    if (value === this.value) return;
    Object.assign(this, { value, shown });
    visible(this.root, value);
    if (this.isSecret) this.hide();
    else setText(this.text, shown);
  }

  hide() {
    this.isShown = false;
    setText(this.text, DOTS);
    setAttr(this.text, "data-shown", null);
    setAttr(this.text, "aria-label", `${this.label}: hidden. Press to show it on screen.`);
  }

  toggle() {
    if (this.isShown) {
      this.hide();
      return;
    }
    this.isShown = true;
    setText(this.text, this.value);
    setAttr(this.text, "data-shown", true);
    setAttr(this.text, "aria-label", null);
  }

  async copy() {
    if (await copyText(this.value, this.root)) {
      setText(this.button, "Copied ✓");
      setTimeout(() => setText(this.button, "Copy"), COPIED_MS);
      return;
    }
    if (this.isSecret && !this.isShown) this.toggle();
    this.toasts.warn("The browser refused to copy", "It is shown instead: mark it and copy it by hand.");
  }
}
