// A secret link, right after it was made: copied without being shown, written on screen only after a click.

import { button, h, setAttr, setText, show as visible } from "./dom.js";

const DOTS = "•••••••••••••••••••••••••••";

export class LinkOnce {
  constructor(toasts, done) {
    this.toasts = toasts;
    this.url = null;
    this.text = h("button", { type: "button", class: "secret", onclick: () => this.reveal() });
    this.copyButton = button("Copy link", "accent", () => this.copy());
    this.root = h("div", { class: "link-once" },
      h("p", {}, h("strong", { text: "The link for OBS, shown only now. " }),
        "Sources, +, Browser: paste it, width 1920, height 1080."),
      this.text, h("div", { class: "row" }, this.copyButton, button("Done", "plain", done)));
    this.update(null);
  }

  update(url) {
    visible(this.root, url);
    if (url === this.url) return;
    this.url = url;
    this.hide();
  }

  /** Before a click the secret is not in the page at all: the dots are only dots. */
  hide() {
    this.shown = false;
    setText(this.text, DOTS);
    setAttr(this.text, "data-shown", null);
    setAttr(this.text, "aria-label", "The link is hidden. Press to show it on screen.");
  }

  reveal() {
    if (this.shown) {
      this.hide();
      return;
    }
    this.shown = true;
    setText(this.text, this.url);
    setAttr(this.text, "data-shown", true);
    setAttr(this.text, "aria-label", null);
  }

  async copy() {
    if (await copyText(this.url, this.root)) {
      setText(this.copyButton, "Copied ✓");
      setTimeout(() => setText(this.copyButton, "Copy link"), 2500);
      return;
    }
    this.reveal();
    this.toasts.warn("The browser refused to copy", "The link is shown instead: mark it and copy it by hand.");
  }
}

/** Copies text; without a secure context (a phone on the LAN) by the old way through a text field. */
export async function copyText(text, near) {
  if (navigator.clipboard?.writeText) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      console.warn("clipboard refused, trying the old way", error);
    }
  }
  const field = h("textarea", { class: "unseen", "aria-hidden": "true", readonly: true, value: text });
  near.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}
