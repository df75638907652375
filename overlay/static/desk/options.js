// The option fields of the composer: Enter adds one, Backspace in an empty one removes it, a pasted list fills them.

import { h, iconButton, setAttr, setText } from "./dom.js";
import { LIMITS, lengthOf } from "./settings.js";

export class OptionFields {
  /** `changed()` after every edit; `done()` when Enter is pressed in a last, empty field. */
  constructor(changed, done) {
    this.changed = changed;
    this.done = done;
    this.list = h("ol", { class: "option-fields" });
    this.add = h("button", { type: "button", class: "button plain", onclick: () => this.append("", true) },
      "Add an option", h("kbd", { text: "Enter", "aria-hidden": "true" }));
    this.root = h("div", {}, this.list, this.add);
    this.fields = [];
  }

  set(options) {
    this.list.replaceChildren();
    this.fields = [];
    for (const option of options) this.append(option, false);
    while (this.fields.length < LIMITS.optionsMin) this.append("", false);
  }

  /** The texts written so far, empty ones left out. */
  values() {
    return this.fields.map((field) => field.input.value.trim()).filter((text) => text !== "");
  }

  append(text, focus, at = this.fields.length) {
    if (this.fields.length >= LIMITS.optionsMax) return;
    const input = h("input", { type: "text", value: text, autocomplete: "off", enterkeyhint: "next", dir: "auto" });
    const badge = h("span", { class: "badge", "aria-hidden": "true" });
    const remaining = h("span", { class: "remaining" });
    const remove = iconButton("close", "Remove the option");
    const row = h("li", {}, badge, input, remaining, remove);
    const field = { input, badge, remaining, remove, row };
    input.addEventListener("input", () => this.refresh());
    input.addEventListener("keydown", (event) => this.key(event, field));
    input.addEventListener("paste", (event) => this.paste(event, field));
    remove.addEventListener("click", () => this.remove(field));
    this.fields.splice(at, 0, field);
    this.list.insertBefore(row, this.list.children[at] ?? null);
    if (focus) input.focus();
    this.refresh();
  }

  remove(field) {
    const at = this.fields.indexOf(field);
    if (this.fields.length <= LIMITS.optionsMin) field.input.value = "";
    else {
      this.fields.splice(at, 1);
      field.row.remove();
    }
    this.fields[Math.max(0, at - 1)].input.focus();
    this.refresh();
  }

  key(event, field) {
    if (event.isComposing) return;
    const at = this.fields.indexOf(field);
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (at < this.fields.length - 1) this.fields[at + 1].input.focus();
      else if (field.input.value.trim() === "") this.done();
      else this.append("", true);
    } else if (event.key === "Backspace" && field.input.value === "" && this.fields.length > LIMITS.optionsMin) {
      event.preventDefault();
      this.remove(field);
    }
  }

  /** Several lines become several options. */
  paste(event, field) {
    const lines = (event.clipboardData?.getData("text") ?? "").split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
    if (lines.length < 2) return;
    event.preventDefault();
    let at = this.fields.indexOf(field);
    lines.forEach((line, index) => {
      if (index === 0) field.input.value = line;
      else if (this.fields[at]?.input.value === "") this.fields[at].input.value = line;
      else this.append(line, false, at);
      at += 1;
    });
    this.refresh();
  }

  refresh() {
    this.fields.forEach((field, index) => {
      const over = lengthOf(field.input.value.trim()) - LIMITS.option;
      field.badge.className = `badge tone-${index + 1}`;
      setText(field.badge, index + 1);
      setAttr(field.input, "aria-label", `Option ${index + 1}`);
      setAttr(field.input, "placeholder", index < LIMITS.optionsMin ? `Option ${index + 1}` : `Option ${index + 1} (or leave empty)`);
      setAttr(field.input, "aria-invalid", over > 0 ? "true" : null);
      setAttr(field.remove, "aria-label", `Remove option ${index + 1}`);
      setText(field.remaining, over > 0 ? `${over} too many` : over > -16 ? `${-over} left` : "");
    });
    this.add.disabled = this.fields.length >= LIMITS.optionsMax;
    setText(this.add.firstChild, this.add.disabled ? "Ten options are the most" : "Add an option");
    this.changed();
  }
}
