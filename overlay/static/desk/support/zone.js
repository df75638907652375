// Zone "Supporters": what viewers give, which of it is shown on stream, and the pages on which they give money.

import { h, mirror, show as visible } from "../dom.js";
import { unread } from "../toast.js";
import { Alerts } from "./alerts.js";
import { SupportData } from "./data.js";
import { EMPTY } from "./empty.js";
import { Feed } from "./feed.js";
import { Pages } from "./pages.js";
import { mayRun } from "./words.js";

const WHAT = { feed: "what came in", totals: "the totals", rules: "the alerts", pages: "the donation pages" };

export class Supporters {
  constructor(store, api, toasts) {
    Object.assign(this, { store });
    this.data = new SupportData(store, api);
    const desk = { store, api, toasts, data: this.data };
    this.feed = new Feed();
    this.alerts = new Alerts(desk);
    this.pages = new Pages(desk);
    this.trouble = h("div", { class: "people-trouble" });
    this.root = h("section", { class: "zone support", "aria-labelledby": "zone-support", hidden: true },
      h("div", { class: "zone-head" }, h("h2", { id: "zone-support", text: "Supporters" })),
      h("div", { class: "zone-body" }, this.trouble, h("div", { class: "support-parts" }, this.feed.root, this.alerts.root, this.pages.root)));
  }

  open() {
    this.store.set({ view: "support" });
    this.data.beat();
  }

  /** For another campaign: forget everything and begin anew. */
  restart() {
    this.data.set(EMPTY);
    this.data.beat();
  }

  update({ view, support, campaign }) {
    if (!visible(this.root, view === "support" && campaign)) return;
    const troubles = Object.entries(support.troubles).map(([part, error]) => ({ part, error }));
    mirror(this.trouble, troubles, ({ part }) => part, ({ part, error }) => ({ root: unread(error, WHAT[part], () => this.data.load(part)), update() {} }));
    const isAllowed = mayRun(campaign);
    this.feed.update(support);
    this.alerts.update(support, isAllowed);
    this.pages.update(support, isAllowed);
  }
}
