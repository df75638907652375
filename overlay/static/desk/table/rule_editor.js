// Writing a rule for criticals: in a sentence of choices, and what it says stands below as words.

import { Dialog } from "../dialog.js";
import { button, h, setText, show as visible } from "../dom.js";
import { Choice, Line, Pick, Whole } from "../fields.js";
import { failure } from "../words.js";
import { Clauses, Kinds } from "./rule_clauses.js";
import { OPERATORS, RESULT_FIELDS, condition, ruleWords } from "./words.js";

const BLANK = {
  label: "", dice_formula: null, result_field: "max_die", result_condition: "== 20", critical_type: "success", severity: "major",
    priority: 0, symbol: "",
  description: "", category: "", group: "", also: [], kinds: [], is_enabled: true,
};

export class RuleEditor {
  constructor(desk) {
    Object.assign(this, desk);
    this.dialog = new Dialog("Write a rule", { wide: true });
    const say = () => this.say();
    this.label = new Line("What is it called?", { maxlength: 255, placeholder: "for example: House critical", oninput: say },
      "Viewers read it on the die.");
    this.type = new Choice("It is a", [["success", "Success"], ["failure", "Failure"]], say);
    this.severity = new Choice("How big?", [["minor", "Minor"], ["major", "Major"], ["extreme", "Extreme"]], say);
    this.formula = new Line("For which dice?", { maxlength: 50, placeholder: "all rolls", class: "mono", autocapitalize: "none", spellcheck: "false",
      oninput: say }, "A die such as d20, or a whole notation. Empty: every roll.");
    this.field = new Pick("What counts", RESULT_FIELDS, say);
    this.operator = new Pick("How", OPERATORS, say);
    this.number = new Line("Number", { maxlength: 17, inputmode: "decimal", oninput: say });
    this.symbol = new Line("Which symbol", { maxlength: 32, oninput: say });
    this.priority = new Whole("Asked earlier than others", "0 to 1000", 0, 1000, say, { help: "Among your own rules the highest is asked first." });
    this.group = new Line("Only dice labelled", { maxlength: 64, placeholder: "all dice", oninput: say }, "Where a table labels its dice, such as hunger or stress.");
    this.kinds = new Kinds(say);
    this.also = new Clauses(say);
    this.words = h("p", { class: "rule-preview" });
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.save = button("Save the rule", "accent", () => this.submit());
    this.dialog.body.append(this.label.root, h("div", { class: "pairs" }, this.type.root, this.severity.root), this.formula.root,
      h("div", { class: "triple" }, this.field.root, this.operator.root, this.number.root), this.symbol.root, this.also.root, this.group.root, this.kinds.root,
      this.priority.root, this.words, this.trouble);
    this.dialog.foot.append(this.save);
  }

  /** `rule`: one to change, or null for a new one. */
  open(rule) {
    this.rule = rule;
    const shown = { ...BLANK, ...rule };
    const [operator, number] = condition(shown.result_condition) ?? ["==", ""];
    setText(this.dialog.title, rule ? "Change the rule" : "Write a rule");
    this.label.value = shown.label;
    this.type.value = shown.critical_type;
    this.severity.value = shown.severity;
    this.formula.value = shown.dice_formula ?? "";
    this.field.value = shown.result_field;
    this.operator.value = operator;
    this.number.value = number;
    this.symbol.value = shown.symbol;
    this.priority.value = shown.priority;
    this.group.value = shown.group;
    this.kinds.value = shown.kinds;
    this.also.value = shown.also;
    setText(this.trouble, "");
    this.say();
    this.dialog.open(this.label.input);
  }

  body() {
    return {
      label: this.label.value, critical_type: this.type.value, severity: this.severity.value, dice_formula: this.formula.value || null,
      result_field: this.field.value, result_condition: `${this.operator.value} ${this.number.value.replace("−", "-").replace(",", ".")}`,
      symbol: this.field.value === "count_symbol" ? this.symbol.value : "", priority: this.priority.value,
      group: this.group.value, kinds: this.kinds.value, also: this.also.value,
    };
  }

  say() {
    visible(this.symbol.root, this.field.value === "count_symbol");
    const body = this.body();
    const isWhole = [body.result_condition, ...body.also.map((clause) => clause.condition)].every((text) => condition(text) !== null);
    setText(this.words, isWhole ? `${ruleWords(body)} → critical ${body.critical_type}, ${body.severity}` : "");
  }

  async submit() {
    const body = this.body();
    for (const field of [this.label, this.number, this.symbol]) field.complain("");
    this.priority.complain("");
    if (this.also.complain()) return;
    if (body.label === "") this.label.complain("Give it a name.");
    else if (condition(body.result_condition) === null) this.number.complain("One number, such as 20, -4 or 7.5.");
    else if (this.field.value === "count_symbol" && body.symbol === "") this.symbol.complain("Name the symbol.");
    else if (!Number.isInteger(body.priority) || body.priority > 1000) this.priority.complain("A whole number from 0 to 1000.");
    else await this.send(body);
  }

  async send(body) {
    const { campaign } = this.store.get();
    setText(this.save, "Saving…");
    try {
      const saved = this.rule ? await this.api.patch(`/criticality-rules/${this.rule.id}`, body)
        : await this.api.post(`/campaigns/${campaign.id}/criticality-rules`, body);
      this.data.put("rules", saved);
      this.dialog.close();
      this.data.load("rules");
    } catch (error) {
      const { title, text } = failure(error, "save the rule");
      setText(this.trouble, `${title}. ${text}`);
    } finally {
      setText(this.save, "Save the rule");
    }
  }
}
