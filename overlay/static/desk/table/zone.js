// Zone "Table": everything about the game's own table, behind tabs, in the place of "Next" and "Health" while it is shown.

import { h, mirror, setAttr, setText, show as visible } from "../dom.js";
import { many } from "../time.js";
import { unread } from "../toast.js";
import { Connections } from "./connections.js";
import { Criticals } from "./criticals.js";
import { TableData } from "./data.js";
import { Dice } from "./dice.js";
import { Fairness } from "./fairness.js";
import { Initiative } from "./initiative.js";
import { Items } from "./items.js";
import { Party } from "./party.js";
import { TableSettings } from "./settings.js";
import { Sample } from "./sample.js";

const TABS = [
  ["dice", "Dice"], ["party", "Party"], ["initiative", "Initiative"], ["criticals", "Criticals"], ["items", "Items"],
  ["fairness", "Fairness"], ["tables", "Tables"], ["settings", "Stream"],
];
const WHAT = {
  settings: "the settings", connections: "the tables", rolls: "the rolls", pending: "the rolls without an owner", characters: "the characters",
  combat: "the fight", rules: "the criticals", items: "the item categories", stats: "the statistics", commands: "what tables were told",
};

export class Table {
  constructor(store, api, toasts, announcer, ways) {
    Object.assign(this, { store, announcer });
    this.data = new TableData(store, api);
    const desk = { store, api, toasts, ways, data: this.data };
    desk.sample = new Sample(desk);
    desk.show = (tab) => this.open(tab);
    this.panels = {
      dice: new Dice(desk), party: new Party(desk), initiative: new Initiative(desk), criticals: new Criticals(desk), items: new Items(desk),
      fairness: new Fairness(desk), tables: new Connections(desk), settings: new TableSettings(desk),
    };
    this.tabs = TABS.map(([name, label]) => {
      const count = h("span", { class: "count-tag", hidden: true });
      const tab = h("button", { type: "button", role: "tab", id: `table-tab-${name}`, "aria-controls": `table-${name}`,
        onclick: () => this.data.choose(name), onkeydown: (event) => this.arrow(event) }, label, count);
      return { name, label, tab, count };
    });
    this.trouble = h("div", { class: "table-trouble" });
    this.bodies = TABS.map(([name]) => h("div", { id: `table-${name}`, role: "tabpanel", class: "panel", "aria-labelledby": `table-tab-${name}` },
      this.panels[name].root));
    this.root = h("section", { class: "zone table", "aria-labelledby": "zone-table", hidden: true },
      h("div", { class: "zone-head" }, h("h2", { id: "zone-table", class: "unseen", text: "Table" }),
        h("div", { class: "tabs table-tabs", role: "tablist", "aria-label": "Parts of the table" }, this.tabs.map(({ tab }) => tab))),
      h("div", { class: "zone-body" }, this.trouble, this.bodies));
    this.waiting = 0;
  }

  /** Shows the table, at a tab if one is named. */
  open(tab = this.store.get().table.tab) {
    this.store.set({ view: "table" });
    this.data.choose(tab);
  }

  rollByHand() {
    this.open("dice");
    // A hidden field takes no focus, and what is typed next belongs into it: this does not wait for a frame.
    this.store.drawNow();
    this.panels.dice.byHand.focus();
  }

  arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TABS.findIndex(([name]) => name === this.store.get().table.tab);
    const next = this.tabs[(at + step + TABS.length) % TABS.length];
    this.data.choose(next.name);
    next.tab.focus();
  }

  update(state) {
    const { table, view } = state;
    this.tell(table.pending?.length ?? 0);
    if (!visible(this.root, view === "table")) return;
    this.tabs.forEach(({ name, tab, count }, index) => {
      const isChosen = name === table.tab;
      setAttr(tab, "aria-selected", isChosen ? "true" : "false");
      tab.tabIndex = isChosen ? 0 : -1;
      visible(this.bodies[index], isChosen);
      const waiting = name === "dice" ? table.pending?.length ?? 0 : 0;
      visible(count, waiting);
      setText(count, waiting);
      setAttr(tab, "aria-label", waiting ? `Dice, ${many(waiting, "roll")} without an owner` : null);
    });
    const { needs } = this.panels[table.tab];
    const troubles = needs.filter((part) => part in table.troubles).map((part) => ({ part, error: table.troubles[part] }));
    mirror(this.trouble, troubles, ({ part }) => part, ({ part, error }) => ({
      root: unread(error, WHAT[part], () => this.data.load(part)),
      update() {},
    }));
    this.panels[table.tab].update(state);
  }

  /** A roll whose owner is not known waits: said once, not with every reading. */
  tell(pending) {
    if (pending > this.waiting) this.announcer.say(`${many(pending, "roll")} without an owner at the table`);
    this.waiting = pending;
  }
}
