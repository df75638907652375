// Tab "Criticals": which rolls are worth a shout. The game system's book, own rules before it, and a tester.

import { button, h, iconButton, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { Pick, Switch } from "../fields.js";
import { serverNow } from "../time.js";
import { RuleEditor } from "./rule_editor.js";
import { Tester } from "./tester.js";
import { SEVERITY, SYSTEMS, ruleWords, systemName } from "./words.js";

const UNDO_MS = 10000;

export class Criticals {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["rules", "settings"];
    this.system = new Pick("What do you play?", SYSTEMS, () => this.play());
    this.systemHelp = h("p", { class: "help" });
    this.editor = new RuleEditor(desk);
    this.tester = new Tester(desk);
    this.add = button("Write a rule", "plain small", () => this.editor.open(null));
    this.own = h("ul", { class: "rules", "aria-label": "Your own rules" });
    this.ownEmpty = h("p", { class: "hint" }, "None yet. A rule of yours is asked before the book, for house rules such as “a 19 counts too”.");
    this.book = h("ul", { class: "rules", "aria-label": "Rules of the game system" });
    this.bookTitle = h("h3");
    this.bookHint = h("p", { class: "hint", text: "Switch off what you do not play by. Changed rules stay as you left them." });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "What makes your chat shout? " }),
      "Choose what you play, and the criticals of its book stand here, each with a switch. Until then only what your tabletop itself calls a critical is one."));
    this.root = h("div", { class: "criticals-panel" },
      h("div", { class: "criticals-side" },
        h("section", { class: "part", "aria-label": "Game system" }, this.system.root, this.systemHelp), this.tester.root),
      h("div", { class: "criticals-rules" }, this.empty,
        h("section", { class: "part", "aria-label": "Your own rules" }, h("div", { class: "part-head" }, h("h3",
          { text: "Your own rules" }), this.add),
          this.ownEmpty, this.own),
        this.bookPart = h("section", { class: "part", "aria-label": "Rules of the game system" },
          h("div", { class: "part-head" }, this.bookTitle), this.book, this.bookHint)));
  }

  async play() {
    const { campaign } = this.store.get();
    const system = this.system.value;
    try {
      if (system) await this.api.post(`/campaigns/${campaign.id}/criticality-rules/presets`, { game_system: system });
      else await this.api.patch(`/campaigns/${campaign.id}/table`, { game_system: "" });
      this.toasts.note(system ? `${systemName(system)} it is` : "No game system", "Your own rules stay as they are.");
    } catch (error) {
      this.toasts.fail(error, "change the game system");
    }
    await this.data.loadAll("settings", "rules", "items");
  }

  update({ table }) {
    const { settings, rules } = table;
    const system = settings?.game_system ?? "";
    const known = SYSTEMS.find(([id]) => id.toLowerCase() === system.toLowerCase());
    if (settings && this.drawn !== system && document.activeElement !== this.system.select) {
      this.drawn = system;
      // A system that a table told and no book of ours knows: said, not silently changed.
      if (!known && ![...this.system.select.options].some((option) => option.value === system)) {
        this.system.select.append(h("option", { value: system, text: system }));
      }
      this.system.value = known ? known[0] : system;
    }
    setText(this.systemHelp, known ? "Your own rules and what you changed stay, whatever you choose."
      : `No book of ours knows “${system}”. Write rules of your own, or choose a system that counts alike.`);
    const own = (rules ?? []).filter((rule) => !rule.is_system_preset);
    const book = (rules ?? []).filter((rule) => rule.is_system_preset);
    visible(this.empty, rules?.length === 0 && !system);
    visible(this.ownEmpty, rules && own.length === 0);
    visible(this.bookPart, book.length);
    setText(this.bookTitle, `${systemName(system)}: the book`);
    mirror(this.own, own, (rule) => rule.id, (rule) => this.row(rule));
    mirror(this.book, book, (rule) => rule.id, (rule) => this.row(rule));
    this.tester.update(table);
  }

  row(first) {
    let now = first;
    const toggle = new Switch("", "", () => this.change(now, { is_enabled: toggle.value }));
    const label = h("strong", { dir: "auto" });
    const words = h("span", { class: "rule-words" });
    const tag = h("span", { class: "tag" });
    const edited = h("span", { class: "tag", text: "changed by you" });
    const edit = iconButton("more", "Change", () => this.editor.open(now));
    const remove = iconButton("close", "Delete", () => this.remove(now));
    toggle.root.classList.add("bare");
    return {
      root: h("li", { class: "rule" }, toggle.root, h("div", { class: "rule-text" }, h("p", { class: "rule-line" }, label, tag, edited),
        words), edit, remove),
      update(next) {
        now = next;
        toggle.value = next.is_enabled;
        setAttr(toggle.input, "aria-label", `“${next.label}” counts`);
        setText(label, next.label);
        setText(words, ruleWords(next));
        setData(tag, "tone", next.critical_type === "success" ? "good" : "bad");
        setText(tag, `${next.critical_type}, ${SEVERITY[next.severity]}`);
        visible(edited, next.edited);
        setAttr(edit, "aria-label", `Change “${next.label}”`);
        setAttr(remove, "aria-label", `Delete “${next.label}”`);
        visible(remove, !next.is_system_preset);
      },
    };
  }

  async change(rule, changes) {
    this.data.put("rules", { ...rule, ...changes });
    try {
      this.data.put("rules", await this.api.patch(`/criticality-rules/${rule.id}`, changes));
    } catch (error) {
      this.data.put("rules", rule);
      this.toasts.fail(error, "change the rule");
    }
  }

  async remove(rule) {
    this.data.drop("rules", rule.id);
    try {
      await this.api.delete(`/criticality-rules/${rule.id}`);
    } catch (error) {
      this.data.load("rules");
      this.toasts.fail(error, "delete the rule");
      return;
    }
    const { campaign } = this.store.get();
    this.toasts.undo(`“${rule.label}” is deleted`, serverNow() + UNDO_MS, async () => {
      const { id, preset_key, is_system_preset, edited, ...again } = rule;
      try {
        this.data.put("rules", await this.api.post(`/campaigns/${campaign.id}/criticality-rules`, again));
      } catch (error) {
        this.toasts.fail(error, "bring the rule back");
      }
    });
  }
}
