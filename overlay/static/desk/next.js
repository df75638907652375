// Zone "Next": the rundown and, behind a tab, the past polls.

import { button, h, mirror, setAttr, setText, show as visible } from "./dom.js";

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
    this.select = h("select", { "aria-label": "Which rundown", onchange: () => this.pickRundown() });
    this.add = button("New poll", "accent", () => ways.compose(), { "aria-keyshortcuts": "N" });
    this.add.append(h("kbd", { text: "N", "aria-hidden": "true" }));
    this.manage = button("Rundowns…", "quiet", () => ways.manageRundowns());
    this.tools = h("div", { class: "row tools" }, this.select, this.manage, h("span", { class: "spring" }), this.add);
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

  pickRundown() {
    this.store.set({ rundownId: this.select.value });
    this.rundown.load();
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
    visible(this.select, rundowns.length > 1);
    visible(this.manage, rundowns.length > 0);
    mirror(this.select, rundowns, (item) => item.id, (item) => {
      const root = h("option", { value: item.id });
      return { root, update: (now) => setText(root, now.name) };
    });
    if (state.rundownId && this.select.value !== state.rundownId) this.select.value = state.rundownId;
    this.rundown.update(state);
    this.history.update(state);
  }
}
