// Streamer-safe mode: when the desk itself may be on stream, names and secrets are blurred. Remembered.

import { h, setAttr, setData } from "./dom.js";

import { icon } from "./icons.js";

const REMEMBERED = "hubbub.safe";

export class Safe {
  constructor(store, announcer) {
    this.store = store;
    this.announcer = announcer;
    this.words = h("span", { class: "long", text: "Streamer-safe" });
    this.root = h("button", { type: "button", class: "button quiet safe-button", "aria-label": "Streamer-safe: blur names and secrets",
      "aria-keyshortcuts": "B", title: "Blur names and secrets (B)", onclick: () => this.toggle() },
    icon("blur"), this.words, h("kbd", { text: "B", "aria-hidden": "true" }));
    // Set before the first drawing: a name must not flash up.
    this.set(localStorage.getItem(REMEMBERED) === "on");
  }

  toggle() {
    const on = !this.store.get().safe;
    localStorage.setItem(REMEMBERED, on ? "on" : "off");
    this.set(on);
    this.announcer.say(on ? "Names and secrets are blurred" : "Names and secrets are shown");
  }

  set(on) {
    this.store.set({ safe: on });
    setData(document.documentElement, "safe", on ? "on" : null);
    setAttr(this.root, "aria-pressed", on ? "true" : "false");
  }
}

/** Other tabs of the same desk follow. */
export function followOtherTabs(safe) {
  addEventListener("storage", (event) => {
    if (event.key === REMEMBERED) safe.set(event.newValue === "on");
  });
}
