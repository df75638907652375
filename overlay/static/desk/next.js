// Zone "Next": the rundown and, behind a tab, the past polls.

import { button, h, setAttr, setText, show as visible } from "./dom.js";
import { icon } from "./icons.js";

export class Next {
  constructor(store, rundown, history, ways) {
    this.store = store;
    this.rundown = rundown;
    this.history = history;
    this.tabs = ["rundown", "history"].map((name) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
      text: name === "rundown" ? "Rundown" : "Past polls",
      onclick: () => this.choose(name),
      onkeydown: (event) => this.arrow(event),
    }));
    this.add = button("New poll", "accent", () => ways.compose(), { "aria-keyshortcuts": "N" });
    this.add.append(h("kbd", { text: "N", "aria-hidden": "true" }));
    this.which = h("span", { class: "which", dir: "auto" });
    this.manage = h("button", { type: "button", class: "button quiet rundown-button", onclick: () => ways.manageRundowns() },
      this.which, icon("down"));
    this.tools = h("div", { class: "row tools" }, this.manage, h("span", { class: "spring" }), this.add);
    this.panels = {
      rundown: h("div", { id: "panel-rundown", role: "tabpanel", "aria-labelledby": "tab-rundown" },
        this.tools, rundown.root),
      history: h("div", { id: "panel-history", role: "tabpanel", "aria-labelledby": "tab-history" }, history.root),
    };
    this.root = h("section", { class: "zone next", "aria-labelledby": "zone-next" },
      h("div", { class: "zone-head" }, h("h2", { id: "zone-next", text: "Next" }),
        h("div", { class: "tabs", role: "tablist", "aria-label": "Rundown or past polls" }, this.tabs)),
      h("div", { class: "zone-body" }, this.panels.rundown, this.panels.history));
  }

  choose(tab) {
    this.store.set({ tab });
    if (tab === "history") this.history.load();
  }

  arrow(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    const other = this.store.get().tab === "rundown" ? 1 : 0;
    this.choose(other ? "history" : "rundown");
    this.tabs[other].focus();
  }

  update(state) {
    this.tabs.forEach((tab) => {
      const chosen = tab.id === `tab-${state.tab}`;
      setAttr(tab, "aria-selected", chosen ? "true" : "false");
      tab.tabIndex = chosen ? 0 : -1;
    });
    visible(this.panels.rundown, state.tab === "rundown");
    visible(this.panels.history, state.tab === "history");
    const rundowns = state.rundowns ?? [];
    const current = rundowns.find((item) => item.id === state.rundownId);
    visible(this.manage, current);
    setText(this.which, current?.name);
    setAttr(this.manage, "aria-label", `Rundown: ${current?.name ?? "none"}. Change, rename or create rundowns`);
    this.rundown.update(state);
    this.history.update(state);
  }
}
