// Which kinds become an alert on stream, from how much on, for how long and in which words; and trying them out.

import { button, h, iconButton, mirror, setAttr, setText, show as visible } from "../dom.js";
import { Line, Switch } from "../fields.js";
import { KINDS, LEAST, ruleWords } from "./words.js";

const MS = 1000;
const PLACEHOLDERS = "{name}, {amount}, {months}, {tier} and {message} are filled in. Empty: the overlay says it in its language.";
const SECONDS = /^(?:[2-9]|[12]\d|30)$/;
const MOST = 10 ** 12;

export class Alerts {
  constructor(desk) {
    Object.assign(this, desk);
    this.rehearse = button("Try a lively minute", "plain small", () => this.act("rehearse", undefined, "rehearse alerts",
      ["A lively minute begins", "Fourteen made-up kindnesses, marked TEST. They are counted nowhere."]));
    this.clear = button("Clear the stream", "plain small", () => this.act("dismiss", {}, "clear the alerts",
      ["Alerts are off the stream", "Those that waited, too. They stay in the list."]));
    this.list = h("ul", { class: "lamps", "aria-label": "Kinds of alerts" });
    this.root = h("section", { class: "part", "aria-label": "Alerts" }, h("div", { class: "part-head" }, h("h3", { text: "Alerts on stream" })),
      h("div", { class: "row" }, this.rehearse, this.clear), this.list);
  }

  update({ rules }, isAllowed) {
    if (!visible(this.root, rules !== null)) return;
    this.isAllowed = isAllowed;
    const inOrder = Object.keys(KINDS).map((kind) => rules.find((rule) => rule.kind === kind)).filter(Boolean);
    mirror(this.list, inOrder, ({ kind }) => kind, (rule) => this.row(rule));
  }

  row(first) {
    let now = first;
    const { kind } = first;
    const title = KINDS[kind];
    const shown = new Switch(title, "", () => this.change(now, { is_shown: shown.value }));
    const facts = h("p", { class: "lamp-facts" });
    const test = button("Test", "plain small", () => this.test(kind), { "aria-label": `Test an alert: ${title}` });
    const more = iconButton("more", `How ${title.toLowerCase()} are shown`, null, { "aria-expanded": "false" });
    const [label, help] = LEAST[kind] ?? [];
    const least = label && new Line(label, { inputmode: "numeric", maxlength: 13, onchange: () => this.least(now, least) }, help);
    const lasts = new Line("Seconds on stream", { inputmode: "numeric", maxlength: 2, onchange: () => this.lasts(now, lasts) }, "2 to 30; shorter while others wait");
    const words = new Line("Words of your own", { maxlength: 120, placeholder: "{name}: {amount}!", onchange: () => this.change(now, { template: words.value }, words) },
      PLACEHOLDERS);
    const tools = h("div", { class: "alert-tools", hidden: true }, h("div", { class: "pairs" }, least?.root, lasts.root), words.root);
    more.addEventListener("click", () => more.setAttribute("aria-expanded", String(visible(tools, tools.hidden))));
    const root = h("li", { class: "lamp alert-rule" }, h("div", { class: "lamp-words" }, shown.root, facts), test, more, tools);
    const write = (field, value) => {
      // What somebody is typing stays.
      if (field && document.activeElement !== field.input && field.input.getAttribute("aria-invalid") !== "true") field.value = value;
    };
    return {
      root,
      update: (next) => {
        now = next;
        shown.value = next.is_shown;
        setText(facts, ruleWords(next));
        write(least, next.minimum ? String(next.minimum) : "");
        write(lasts, String(next.lasts_ms / MS));
        write(words, next.template);
        visible(more, this.isAllowed);
        for (const { input } of [shown, ...(least ? [least] : []), lasts, words]) input.disabled = !this.isAllowed;
        setAttr(test, "disabled", !next.is_shown);
        setAttr(test, "title", next.is_shown ? null : "Switched off: it would not be shown");
      },
    };
  }

  least(rule, field) {
    const text = field.value;
    if (!/^\d*$/.test(text) || Number(text) > MOST) field.complain("A whole number, or nothing.");
    else this.change(rule, { minimum: Number(text) }, field);
  }

  lasts(rule, field) {
    if (SECONDS.test(field.value)) this.change(rule, { lasts_ms: Number(field.value) * MS }, field);
    else field.complain("Whole seconds from 2 to 30.");
  }

  async change(rule, changes, field = null) {
    field?.complain("");
    this.data.putRule({ ...rule, ...changes });
    try {
      const { campaign } = this.store.get();
      this.data.putRule(await this.api.patch(`/campaigns/${campaign.id}/alert-rules/${rule.kind}`, changes));
    } catch (error) {
      this.data.putRule(rule);
      if (field && error.status === 422) field.complain(error.errors.map(({ message }) => message).join(" "));
      else this.toasts.fail(error, "change the alert");
    }
  }

  async test(kind) {
    await this.act("test", { kind }, "test the alert");
  }

  async act(what, body, doing, note = null) {
    const { campaign } = this.store.get();
    try {
      await this.api.post(`/campaigns/${campaign.id}/alerts/${what}`, body);
      if (note) this.toasts.note(...note);
      this.data.nudge();
    } catch (error) {
      this.toasts.fail(error, doing);
    }
  }
}
