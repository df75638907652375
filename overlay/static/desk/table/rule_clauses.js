// The part of a rule that most rules have none of: for which kinds of rolls it is, and what must hold besides.

import { button, h, iconButton, setText, show as visible } from "../dom.js";
import { Line, Pick } from "../fields.js";
import { KINDS, OPERATORS, RESULT_FIELDS, condition } from "./words.js";

const MOST = 7;

/** Kinds of rolls, as pressable words; none pressed is all. */
export class Kinds {
  constructor(changed) {
    this.chosen = new Set();
    this.chips = KINDS.map(([value, text]) => {
      const chip = button(text, "plain small chip", () => {
        if (!this.chosen.delete(value)) this.chosen.add(value);
        this.write();
        changed();
      });
      return { value, chip };
    });
    this.root = h("div", { class: "line" }, h("span", { class: "label", text: "For which rolls?" }),
      h("div", { class: "chips", role: "group", "aria-label": "For which rolls?" }, this.chips.map(({ chip }) => chip)),
      h("p", { class: "help", text: "None pressed: whatever it was rolled for." }));
  }

  write() {
    for (const { value, chip } of this.chips) chip.setAttribute("aria-pressed", String(this.chosen.has(value)));
  }

  get value() {
    return KINDS.map(([value]) => value).filter((value) => this.chosen.has(value));
  }

  set value(kinds) {
    this.chosen = new Set(kinds);
    this.write();
  }
}

/** Further conditions: all of them must hold. */
export class Clauses {
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.list = h("ul", { class: "clauses", "aria-label": "And besides" });
    this.add = button("And besides…", "plain small", () => {
      this.append({ result_field: "total", condition: ">= ", group: "", symbol: "" });
      this.rows.at(-1).field.select.focus();
      changed();
    });
    this.root = h("div", { class: "line" }, this.list, h("div", { class: "row" }, this.add));
  }

  append(clause) {
    const [operator, number] = condition(clause.condition) ?? [clause.condition.trim() || "==", ""];
    const row = {
      field: new Pick("What counts besides", RESULT_FIELDS, () => this.draw()),
      operator: new Pick("How, besides", OPERATORS, () => this.changed()),
      number: new Line("Number, besides", { maxlength: 17, inputmode: "decimal", oninput: () => this.changed() }),
      symbol: new Line("Which symbol, besides", { maxlength: 32, oninput: () => this.changed() }),
      group: new Line("Only dice labelled, besides", { maxlength: 64, placeholder: "all dice", oninput: () => this.changed() }),
    };
    row.field.value = clause.result_field;
    row.operator.value = operator;
    row.number.value = number;
    row.symbol.value = clause.symbol;
    row.group.value = clause.group;
    const remove = iconButton("close", "Without this condition", () => {
      this.rows = this.rows.filter((other) => other !== row);
      this.draw();
      this.add.focus();
    });
    row.root = h("li", { class: "clause" }, h("div", { class: "triple" }, row.field.root, row.operator.root, row.number.root), row.symbol.root,
      h("div", { class: "clause-end" }, row.group.root, remove));
    this.rows.push(row);
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.rows.map(({ root }) => root));
    for (const { field, symbol } of this.rows) visible(symbol.root, field.value === "count_symbol");
    visible(this.add, this.rows.length < MOST);
    setText(this.add, this.rows.length ? "And besides that…" : "And besides…");
    this.changed();
  }

  get value() {
    return this.rows.map(({ field, operator, number, symbol, group }) => ({
      result_field: field.value, condition: `${operator.value} ${number.value.replace("−", "-").replace(",", ".")}`,
      symbol: field.value === "count_symbol" ? symbol.value : "", group: group.value,
    }));
  }

  set value(clauses) {
    this.rows = [];
    for (const clause of clauses) this.append(clause);
    this.draw();
  }

  /** Says what is wrong in place; answers whether something is. */
  complain() {
    let isWrong = false;
    for (const { field, operator, number, symbol } of this.rows) {
      const isNumber = condition(`${operator.value} ${number.value.replace("−", "-").replace(",", ".")}`) !== null;
      number.complain(isNumber ? "" : "One number, such as 20, -4 or 7.5.");
      const lacks = field.value === "count_symbol" && symbol.value === "";
      symbol.complain(lacks ? "Name the symbol." : "");
      isWrong ||= !isNumber || lacks;
    }
    return isWrong;
  }
}
