// Which half of the desk is shown beside "Now": the show (Next and Health), the table, the supporters, or the people. Key T goes there and back.

import { button, h, setAttr, setData, setText, show as visible } from "../dom.js";
import { many } from "../time.js";
import { mayLead } from "../words.js";

const REMEMBERED = "hubbub.view"; // for this tab only: a new evening begins with the show

export class Views {
  constructor(store, table, people, supporters) {
    Object.assign(this, { store, table, people, supporters });
    this.show = button("Show", "quiet", () => this.choose("show"));
    this.count = h("span", { class: "count-tag", hidden: true });
    this.dice = button("Table", "quiet", () => this.choose("table"), { "aria-keyshortcuts": "T" });
    this.dice.append(this.count, h("kbd", { text: "T", "aria-hidden": "true" }));
    this.kind = button("Support", "quiet support-button", () => this.choose("support"));
    this.who = button("People", "quiet", () => this.choose("people"));
    this.root = h("nav", { class: "views", "aria-label": "Parts of the desk" }, this.show, this.dice, this.kind, this.who);
    const last = sessionStorage.getItem(REMEMBERED);
    if (["table", "people", "support"].includes(last)) store.set({ view: last });
  }

  choose(view) {
    sessionStorage.setItem(REMEMBERED, view);
    if (view === "table") this.table.open();
    else if (view === "people") this.people.open();
    else if (view === "support") this.supporters.open();
    else this.store.set({ view });
  }

  toggle() {
    this.choose(this.store.get().view === "table" ? "show" : "table");
  }

  update({ view, table, campaign }) {
    visible(this.root, campaign);
    setData(document.documentElement, "view", view);
    setData(document.documentElement, "role", mayLead(campaign) ? null : "watches");
    setAttr(this.show, "aria-current", view === "show" ? "true" : null);
    setAttr(this.dice, "aria-current", view === "table" ? "true" : null);
    setAttr(this.kind, "aria-current", view === "support" ? "true" : null);
    setAttr(this.who, "aria-current", view === "people" ? "true" : null);
    const waiting = table.pending?.length ?? 0;
    visible(this.count, waiting);
    setText(this.count, waiting);
    setAttr(this.dice, "aria-label", waiting ? `Table, ${many(waiting, "roll")} without an owner` : null);
  }
}
