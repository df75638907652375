// Form fields of the desk: choices as pressable words, switches, and whole numbers with their unit.

import { h, setAttr, setText, show as visible, uniqueId } from "./dom.js";

/** One of a few words; `options`: [[value, label, help?], …]. The help of the chosen one stands below. */
export class Choice {
  constructor(legend, options, changed) {
    const name = uniqueId("choice");
    this.help = h("p", { class: "help" });
    this.inputs = options.map(([value]) => h("input", { type: "radio", name, value: String(value), onchange: () => {
      this.explain();
      changed();
    } }));
    this.options = options;
    this.root = h("fieldset", { class: "choice" }, h("legend", { text: legend }),
      h("div", { class: "choices" }, options.map(([, label], index) => h("label", {}, this.inputs[index],
        h("span", { text: label })))), this.help);
  }

  get value() {
    const at = this.inputs.findIndex((input) => input.checked);
    return at < 0 ? this.options[0][0] : this.options[at][0];
  }

  set value(value) {
    this.options.forEach(([known], index) => {
      this.inputs[index].checked = known === value;
    });
    this.explain();
  }

  explain() {
    const chosen = this.options.find(([value]) => value === this.value);
    setText(this.help, chosen?.[2] ?? "");
    visible(this.help, chosen?.[2]);
  }
}

/** Yes or no, in a sentence. */
export class Switch {
  constructor(label, help, changed) {
    this.input = h("input", { type: "checkbox", role: "switch", onchange: () => changed() });
    this.root = h("label", { class: "switch" }, this.input, h("span", { class: "switch-track", "aria-hidden": "true" }),
      h("span", { class: "switch-words" }, h("span", { text: label }), help && h("small", { text: help })));
  }

  get value() {
    return this.input.checked;
  }

  set value(value) {
    this.input.checked = Boolean(value);
  }
}

/** A whole number with its unit. Empty means `null` where `optional` says what that means. */
export class Whole {
  constructor(label, unit, low, high, changed, { optional = "", help = "" } = {}) {
    const id = uniqueId("number");
    this.optional = optional;
    this.input = h("input", { type: "text", inputmode: "numeric", id, autocomplete: "off", maxlength: 5,
      placeholder: optional, "aria-describedby": `${id}-wrong`, oninput: () => changed() });
    this.wrong = h("p", { class: "wrong", id: `${id}-wrong` });
    this.root = h("div", { class: "whole" }, h("label", { for: id, text: label }),
      h("div", { class: "with-unit" }, this.input, h("span", { class: "unit", text: unit })),
      help && h("p", { class: "help", text: help }), this.wrong);
  }

  get value() {
    const text = this.input.value.trim();
    if (text === "" && this.optional) return null;
    return /^\d+$/.test(text) ? Number(text) : Number.NaN;
  }

  set value(value) {
    this.input.value = value === null || value === undefined ? "" : String(value);
  }

  complain(text) {
    setText(this.wrong, text ?? "");
    setAttr(this.input, "aria-invalid", text ? "true" : null);
  }
}

/** A line of text with a label. */
export class Line {
  constructor(label, props = {}, help = "") {
    const id = uniqueId("line");
    this.input = h("input", { type: "text", id, autocomplete: "off", "aria-describedby": `${id}-wrong`, ...props });
    this.wrong = h("p", { class: "wrong", id: `${id}-wrong` });
    this.root = h("div", { class: "line" }, h("label", { for: id, text: label }), this.input,
      help && h("p", { class: "help", text: help }), this.wrong);
  }

  get value() {
    return this.input.value.trim();
  }

  set value(value) {
    this.input.value = value;
    this.complain("");
  }

  complain(text) {
    setText(this.wrong, text ?? "");
    setAttr(this.input, "aria-invalid", text ? "true" : null);
  }
}

/** A drop-down with a label; `options`: [[value, label], …]. */
export class Pick {
  constructor(label, options, changed = () => {}) {
    const id = uniqueId("pick");
    this.select = h("select", { id, onchange: () => changed() },
      options.map(([value, word]) => h("option", { value, text: word })));
    this.root = h("div", { class: "line" }, h("label", { for: id, text: label }), this.select);
  }

  get value() {
    return this.select.value;
  }

  set value(value) {
    this.select.value = value;
  }
}
