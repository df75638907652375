// The keyboard: one table of keys, what they do, and the help that lists them.

import { Dialog, dialogOpen } from "./dialog.js";
import { button, h } from "./dom.js";
import { Switch } from "./fields.js";

const REMEMBERED = "hubbub.keys"; // "off" when single-letter keys are switched off (WCAG 2.1.4)

/** [key as written, what it does] for the help. */
const TABLE = [
  ["space", "the next action: launch, close, reveal, next"],
  ["1 – 9", "choose the winner of a tie (0 is option 10)"],
  ["Esc", "cancel the running poll; it can be undone for 10 s"],
  ["U", "undo what was just cancelled or deleted"],
  ["E", "extend the running poll by 30 s"],
  ["N", "write a new poll"],
  ["T", "the table, and back to the show"],
  ["R", "roll by hand"],
  ["B", "blur names and secrets (streamer-safe)"],
  ["↑ ↓", "move a draft, when its dots have the focus"],
  ["?", "this help"],
];

export class Keys {
  /** `commands`: next, resolve(n), cancel, undo, extend, compose, safe, table, roll. */
  constructor(commands) {
    this.commands = commands;
    this.letters = localStorage.getItem(REMEMBERED) !== "off";
    this.dialog = new Dialog("Keys");
    const toggle = new Switch("Keys work", "Off: only the mouse, Tab and Enter. For speech input and cats.", () => {
      this.letters = toggle.value;
      localStorage.setItem(REMEMBERED, toggle.value ? "on" : "off");
    });
    toggle.value = this.letters;
    this.dialog.body.append(
      h("dl", { class: "keys" }, TABLE.map(([key, words]) => [h("dt", {}, h("kbd", { text: key })), h("dd", { text: words })])),
      toggle.root,
      h("p", { class: "hint" }, "For scripts and Stream Decks: ", h("a", { href: "/docs", text: "the API reference" }), "."));
    this.dialog.foot.append(button("Close", "plain", () => this.dialog.close()));
    addEventListener("keydown", (event) => this.press(event));
  }

  help() {
    this.dialog.open(this.dialog.foot.querySelector("button"));
  }

  press(event) {
    if (!this.letters || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || dialogOpen()) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest("input, textarea, select, [contenteditable]")) return;
    const run = this.command(event, target);
    if (!run) return;
    event.preventDefault();
    if (!event.repeat) run();
  }

  command(event, target) {
    const { commands } = this;
    if (event.key === " ") {
      // A focused control keeps its own space bar; the big button means the same, a handle has no press.
      const control = target.closest("button, a, summary, [role=tab]");
      return control && !control.matches("#next-action, .handle") ? null : () => commands.next();
    }
    if (/^[0-9]$/.test(event.key)) return () => commands.resolve(event.key === "0" ? 10 : Number(event.key));
    const letter = {
      Escape: () => commands.cancel(), u: () => commands.undo(), e: () => commands.extend(), n: () => commands.compose(),
      b: () => commands.safe(), t: () => commands.table(), r: () => commands.roll(), "?": () => this.help(),
    };
    return letter[event.key] ?? letter[event.key.toLowerCase()] ?? null;
  }
}
