// Tab "Items": what characters carry, sorted into kinds, and which of it viewers may touch.

import { Dialog } from "../dialog.js";
import { button, h, iconButton, mirror, setAttr, setText, show as visible } from "../dom.js";
import { Choice, Line, Switch, Whole } from "../fields.js";
import { many, serverNow } from "../time.js";
import { failure } from "../words.js";

const UNDO_MS = 10000;
const CATEGORIES = [["spell", "Spell"], ["feature", "Feature"], ["inventory", "Inventory"]];
const GROUPS = { spell: "Spells", feature: "Features", inventory: "Inventory" };

export class Items {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["items"];
    this.add = button("Write a rule", "plain small", () => this.open());
    this.groups = CATEGORIES.map(([category]) => {
      const list = h("ul", { class: "rules", "aria-label": GROUPS[category] });
      return { category, list, root: h("section", { class: "part", "aria-label": GROUPS[category] }, h("div", { class: "part-head" },
        h("h3", { text: GROUPS[category] })), list) };
    });
    this.loading = h("p", { class: "hint", text: "Reading the item categories…" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "What may viewers touch? " }),
      "Rules sort the spells, features and things of your characters. Choose what you play under Criticals, and the usual kinds stand here; or write a rule of your own."),
    h("div", { class: "row" }, button("Choose a game system", "accent", () => this.show("criticals")), button("Write a rule", "plain",
      () => this.open())));
    this.root = h("div", { class: "items-panel" }, h("div", { class: "part-head" },
      h("p", { class: "hint", text: "Viewers' powers draw only from what is switched on here." }), this.add), this.loading, this.empty,
        this.groups.map(({ root }) => root));
    this.build();
  }

  build() {
    this.dialog = new Dialog("Write a rule for items");
    this.label = new Line("What is it called?", { maxlength: 255, placeholder: "for example: Evocations" });
    this.category = new Choice("It sorts", CATEGORIES, () => {});
    this.type = new Line("Type of the item", { maxlength: 50, list: "item-types", class: "mono", autocapitalize: "none",
      spellcheck: "false" }, "As your tabletop calls it, such as spell or weapon.");
    this.types = h("datalist", { id: "item-types" });
    this.field = new Line("Only if this field", { maxlength: 200, class: "mono", placeholder: "any", autocapitalize: "none", spellcheck: "false" });
    this.value = new Line("is", { maxlength: 200, class: "mono", autocapitalize: "none", spellcheck: "false" });
    this.known = h("p", { class: "help" });
    this.target = new Switch("Viewers may touch it", "", () => {});
    this.weight = new Whole("How often it is drawn", "0 to 100", 0, 100, () => {}, { help: "Beside others with 1. 0: never." });
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.save = button("Save the rule", "accent", () => this.submit());
    this.dialog.body.append(this.label.root, this.category.root, this.type.root, this.types, this.known, h("div", { class: "pairs" },
      this.field.root, this.value.root),
      this.target.root, this.weight.root, this.trouble);
    this.dialog.foot.append(this.save);
  }

  async open() {
    for (const field of [this.label, this.type, this.field, this.value]) field.value = "";
    this.category.value = "spell";
    this.target.value = true;
    this.weight.value = 1;
    setText(this.trouble, "");
    setText(this.known, "");
    this.dialog.open(this.label.input);
    const { campaign } = this.store.get();
    try {
      const found = await this.api.get(`/campaigns/${campaign.id}/item-category-rules/types`);
      const types = found.items ?? found;
      this.types.replaceChildren(...types.map(({ item_type }) => h("option", { value: item_type })));
      setText(this.known, types.length ? `Your characters carry: ${types.map(({ item_type, count }) => `${item_type} (${count})`).join(", ")}.`
        : "No character was synced yet, so their types are not known here.");
    } catch (error) {
      console.warn("item types could not be read", error); // a help, not a need
    }
  }

  async submit() {
    for (const field of [this.label, this.type]) field.complain("");
    if (this.label.value === "") return this.label.complain("Give it a name.");
    if (this.type.value === "") return this.type.complain("Write the type of the item.");
    const weight = this.weight.value;
    if (!Number.isInteger(weight) || weight > 100) return this.weight.complain("A whole number from 0 to 100.");
    const { campaign } = this.store.get();
    setText(this.save, "Saving…");
    try {
      const has = this.field.value !== "";
      this.data.put("items", await this.api.post(`/campaigns/${campaign.id}/item-category-rules`, {
        label: this.label.value, category: this.category.value, subcategory: this.label.value.slice(0, 100), item_type: this.type.value,
        match_field: has ? this.field.value : null, match_value: has ? this.value.value : null, is_targetable: this.target.value, weight,
      }));
      this.dialog.close();
    } catch (error) {
      const { title, text } = failure(error, "save the rule");
      setText(this.trouble, `${title}. ${text}`);
    } finally {
      setText(this.save, "Save the rule");
    }
    return undefined;
  }

  update({ table }) {
    const { items } = table;
    visible(this.loading, items === null && !table.troubles.items);
    visible(this.empty, items?.length === 0);
    visible(this.add.parentElement, (items?.length ?? 0) > 0);
    for (const { category, list, root } of this.groups) {
      const rules = (items ?? []).filter((rule) => rule.category === category);
      visible(root, rules.length);
      mirror(list, rules, (rule) => rule.id, (rule) => this.row(rule));
    }
  }

  row(first) {
    let now = first;
    const toggle = new Switch("", "", () => this.change(now, { is_targetable: toggle.value }));
    const label = h("strong", { dir: "auto" });
    const words = h("span", { class: "rule-words" });
    const enabled = button("", "quiet small", () => this.change(now, { is_enabled: !now.is_enabled }));
    const remove = iconButton("close", "Delete", () => this.remove(now));
    toggle.root.classList.add("bare");
    return {
      root: h("li", { class: "rule" }, toggle.root, h("div", { class: "rule-text" }, h("p", { class: "rule-line" }, label), words), enabled, remove),
      update(next) {
        now = next;
        toggle.value = next.is_targetable && next.is_enabled;
        toggle.input.disabled = !next.is_enabled;
        setAttr(toggle.input, "aria-label", `Viewers may touch “${next.label}”`);
        setText(label, next.label);
        const when = next.match_field ? `, if ${next.match_field} is ${next.match_value}` : "";
        const often = next.is_targetable && next.weight !== 1 ? ` · drawn ${many(next.weight, "time", "times")} as often` : "";
        setText(words, `type ${next.item_type}${when}${next.is_enabled ? often : " · ignored"}`);
        setText(enabled, next.is_enabled ? "Ignore" : "Use");
        setAttr(enabled, "aria-label", `${next.is_enabled ? "Ignore" : "Use"} the rule “${next.label}”`);
        visible(remove, !next.preset_key);
        setAttr(remove, "aria-label", `Delete “${next.label}”`);
      },
    };
  }

  async change(rule, changes) {
    this.data.put("items", { ...rule, ...changes });
    try {
      this.data.put("items", await this.api.patch(`/item-category-rules/${rule.id}`, changes));
    } catch (error) {
      this.data.put("items", rule);
      this.toasts.fail(error, "change the rule");
    }
  }

  async remove(rule) {
    this.data.drop("items", rule.id);
    try {
      await this.api.delete(`/item-category-rules/${rule.id}`);
    } catch (error) {
      this.data.load("items");
      this.toasts.fail(error, "delete the rule");
      return;
    }
    const { campaign } = this.store.get();
    this.toasts.undo(`“${rule.label}” is deleted`, serverNow() + UNDO_MS, async () => {
      const { id, preset_key, edited, ...again } = rule;
      try {
        this.data.put("items", await this.api.post(`/campaigns/${campaign.id}/item-category-rules`, again));
      } catch (error) {
        this.toasts.fail(error, "bring the rule back");
      }
    });
  }
}
