// Tab "Dice": rolls without an owner, rolling by hand, and the log of all rolls.

import { button, h, mirror, setText, show as visible } from "../dom.js";
import { many } from "../time.js";
import { ByHand } from "./by_hand.js";
import { Pending } from "./pending.js";
import { shape } from "./roll.js";
import { rollRow } from "./roll_row.js";

const POINTED_MS = 4000;

export class Dice {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["rolls", "pending"];
    this.pending = new Pending(desk);
    this.byHand = new ByHand(desk);
    this.uncovered = new Set(); // secret rolls whose value was asked for
    this.held = 0; // newest rolls that wait, because somebody points at the list
    this.pointedAt = -POINTED_MS;
    this.list = h("ol", { class: "rolls", "aria-label": "Rolls, newest first", onpointermove: () => { this.pointedAt = performance.now(); } });
    this.wait = button("", "accent small new-rolls", () => this.release(), { hidden: true });
    this.loading = h("p", { class: "hint", text: "Reading the rolls…" });
    this.empty = h("div", { class: "teach" },
      h("p", {}, h("strong", { text: "Every roll of your table stands here. " }),
        "Public ones go on stream by themselves; secret ones stay here, behind a click. Connect the tabletop your group plays on, or roll by hand."),
      h("div", { class: "row" }, button("Connect a table", "accent", () => this.show("tables")),
        button("Try it simulated", "plain", () => this.sample.start())));
    this.root = h("div", { class: "dice-panel" },
      h("div", { class: "dice-side" }, this.pending.root, this.byHand.root),
      h("section", { class: "part dice-log", "aria-label": "Rolls" }, h("div", { class: "part-head" }, h("h3", { text: "Rolls" }), this.wait),
        this.loading, this.empty, this.list));
    this.known = [];
  }

  update(state) {
    const { table, safe } = state;
    this.pending.update(state);
    this.byHand.update(state);
    if (safe && !this.wasSafe) this.uncovered.clear();
    this.wasSafe = safe;
    visible(this.loading, table.rolls === null && !table.troubles.rolls);
    visible(this.empty, table.rolls?.length === 0);
    const rolls = (table.rolls ?? []).map(shape);
    const campaign = state.campaign?.id;
    const isPointedAt = this.campaign === campaign && this.isPointedAt();
    this.campaign = campaign;
    // Nothing moves away from below a pointer: what is new waits above until it is asked for.
    const shown = isPointedAt ? rolls.filter((roll) => this.known.includes(roll.id)) : rolls;
    this.held = rolls.length - shown.length;
    if (!isPointedAt) this.known = rolls.map((roll) => roll.id);
    visible(this.wait, this.held);
    setText(this.wait, `Show ${many(this.held, "new roll")}`);
    mirror(this.list, shown, (roll) => roll.id, (roll) => rollRow(roll, this));
  }

  isPointedAt() {
    // A mouse that was left lying there points at nothing.
    const isAimed = performance.now() - this.pointedAt < POINTED_MS && this.list.matches(":hover");
    return this.known.length > 0 && (isAimed || this.list.contains(document.activeElement));
  }

  release() {
    this.known = [];
    this.pointedAt = -POINTED_MS;
    this.store.redraw();
  }

  // -- what a row can do ----

  cover(roll, isUncovered) {
    if (isUncovered) this.uncovered.add(roll.id);
    else this.uncovered.delete(roll.id);
    this.store.redraw();
  }

  async reveal(roll) {
    try {
      const now = await this.api.post(`/rolls/${roll.id}/reveal`);
      if (now?.id) this.data.put("rolls", now);
      const proof = roll.seal ? " Its proof can be saved from the log." : "";
      this.toasts.note("The roll is revealed", `Viewers see it now.${proof}`);
    } catch (error) {
      this.toasts.fail(error, "reveal the roll");
    }
  }

  async again(roll) {
    try {
      await this.api.post(`/rolls/${roll.id}/show`);
      this.toasts.note("On stream again");
    } catch (error) {
      this.toasts.fail(error, "show the roll again");
    }
  }

  owner(roll) {
    this.pending.point(roll.id);
  }

  async proof(roll) {
    try {
      const proof = await this.api.get(`/rolls/${roll.id}/proof`);
      const url = URL.createObjectURL(new Blob([JSON.stringify(proof, null, 2)], { type: "application/json" }));
      h("a", { href: url, download: `roll-${roll.id}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    } catch (error) {
      this.toasts.fail(error, "read the proof");
    }
  }
}
