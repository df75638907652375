// "What would this roll be?": a notation and the faces it shows, judged by the rules as they stand. Nothing is stored.

import { button, h, setAttr, setData, setText, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { failure } from "../words.js";
import { read } from "./notation.js";
import { diceRow, totalWords } from "./roll.js";
import { criticalWords, ruleWords } from "./words.js";

export class Tester {
  constructor(desk) {
    Object.assign(this, desk);
    const enter = (event) => {
      if (event.key === "Enter" && !event.isComposing) this.ask();
    };
    this.notation = new Line("Roll", { maxlength: 256, class: "mono", autocapitalize: "none", spellcheck: "false", value: "1d20+5",
      onkeydown: enter });
    this.faces = new Line("The dice show", { maxlength: 200, class: "mono", inputmode: "text", placeholder: "by chance", value: "20",
      onkeydown: enter });
    this.ask_ = button("What would this be?", "accent", () => this.ask());
    this.verdict = h("p", { class: "verdict", "aria-live": "polite" });
    this.dice = h("p", { class: "roll-dice" });
    this.reasons = h("ul", { class: "reasons" });
    this.root = h("section", { class: "part tester", "aria-label": "What would this roll be?" },
      h("div", { class: "part-head" }, h("h3", { text: "Try a roll" })),
      h("div", { class: "tester-fields" }, this.notation.root, this.faces.root),
      h("p", { class: "help", text: "Faces in the order in which the dice fall: 20, or 17 4." }),
      h("div", { class: "row" }, this.ask_), this.dice, this.verdict, this.reasons);
  }

  async ask() {
    const found = read(this.notation.value);
    const texts = this.faces.value.split(/[\s,;]+/).filter(Boolean).map((text) => text.replace("−", "-"));
    const faces = texts.map(Number);
    this.notation.complain(found.ok ? "" : `${found.reason}, at character ${found.at + 1}`);
    this.faces.complain(faces.every(Number.isInteger) ? "" : "Whole numbers, with blanks between them.");
    if (!found.ok || !faces.every(Number.isInteger)) return;
    const { campaign } = this.store.get();
    setText(this.ask_, "Asking…");
    try {
      const tried = await this.api.post(`/campaigns/${campaign.id}/criticality-rules/try`, { notation: this.notation.value, faces });
      this.tell(tried);
    } catch (error) {
      const { title, text } = failure(error, "try the rules");
      this.dice.replaceChildren();
      this.reasons.replaceChildren();
      setData(this.verdict, "tone", "bad");
      setText(this.verdict, `${title}. ${text}`);
    } finally {
      setText(this.ask_, "What would this be?");
    }
  }

  tell({ groups, modifiers, total, successes, critical, matching }) {
    this.dice.replaceChildren(...diceRow({ groups, modifiers }), h("b", { class: "roll-total", text: totalWords({ total, successes }) }));
    setData(this.verdict, "tone", !critical ? "plain" : critical.type === "success" ? "good" : "bad");
    const words = critical && criticalWords(critical);
    setText(this.verdict, critical ? `${words[0].toUpperCase()}${words.slice(1)}` : "Nothing special: no rule that is switched on holds.");
    const told = critical && !critical.rule_id;
    const reasons = (matching ?? []).map((rule) => h("li", { data: { chosen: rule.id === critical?.rule_id } },
      h("strong", { text: rule.label }), `: ${ruleWords(rule)}${rule.is_enabled ? "" : " (switched off)"}`));
    if (told) reasons.unshift(h("li", { text: "No rule says so: the natural 20 or 1 of the one kept d20 does." }));
    this.reasons.replaceChildren(...reasons);
    visible(this.reasons, reasons.length);
    setAttr(this.reasons, "aria-label", "Rules that hold, in the order in which they are asked");
  }

  update() {}
}
