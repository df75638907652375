// Tab "Initiative": the fight as it stands, in the order of turns. The tabletop leads; here is said whom viewers may know.

import { button, h, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { ago, toMs } from "../time.js";
import { pointsWords } from "./party.js";

export class Initiative {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["combat"];
    this.round = h("h3");
    this.age = h("span", { class: "hint" });
    this.next = h("p", { class: "turn-next" });
    this.list = h("ol", { class: "turns", "aria-label": "Order of turns" });
    this.hidden = h("p", { class: "hint" }, "Viewers do not see the initiative. ", button("Change that", "quiet small", () => this.show("settings")));
    this.loading = h("p", { class: "hint", text: "Reading the fight…" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "When a fight begins, its order of turns stands here and on stream. " }),
      "Start the combat in your tabletop as ever. Foundry tells it by itself. Whoever is no player character is “???” to viewers until you show it, and hit points of monsters are never shown."),
    h("div", { class: "row" }, button("Connect a table", "accent", () => this.show("tables"))));
    this.head = h("div", { class: "part-head" }, this.round, this.age);
    this.root = h("section", { class: "part", "aria-label": "Initiative" }, this.head, this.hidden, this.loading, this.empty, this.next, this.list);
  }

  update({ table }) {
    const { combat, settings } = table;
    const isOn = Boolean(combat?.combat_id);
    visible(this.loading, combat === undefined && !table.troubles.combat);
    visible(this.empty, combat && !isOn);
    visible(this.head, isOn);
    visible(this.hidden, isOn && settings?.shows_initiative === false);
    setText(this.round, isOn ? (combat.round ? `Round ${combat.round}` : "Not begun: nobody has a turn yet") : "");
    setText(this.age, isOn ? `heard ${ago(toMs(combat.updated_at))}` : "");
    const turns = isOn ? combat.combatants : [];
    const current = turns.find(({ combatant_id }) => combatant_id === combat.current_id);
    const next = turns.find(({ combatant_id }) => combatant_id === combat.next_id);
    visible(this.next, current);
    this.next.replaceChildren("Now ", h("strong", { class: "name", text: current?.name || "???" }),
      ...(next && next !== current ? [", then ", h("span", { class: "name", text: next.name || "???" })] : []));
    mirror(this.list, turns.map((turn) => ({ turn, isNow: turn === current })), ({ turn }) => turn.combatant_id, () => this.row());
  }

  /** Hides somebody from viewers, or shows it: for this fight, whatever the tabletop says. */
  async conceal(turn, concealed) {
    const { campaign } = this.store.get();
    const doing = concealed ? "hide it from viewers" : "show it to viewers";
    try {
      const combat = await this.api.post(`/campaigns/${campaign.id}/combat/conceal`, { combatant_id: turn.combatant_id, concealed });
      this.data.set({ combat });
    } catch (error) {
      this.toasts.fail(error, doing);
    }
  }

  row() {
    let now;
    const mark = h("span", { class: "turn-mark", "aria-hidden": "true" });
    const place = h("b", { class: "turn-place" });
    const name = h("span", { class: "name turn-name", dir: "auto" });
    const tags = h("span", { class: "turn-tags" });
    const points = h("span", { class: "turn-points hush" });
    const seen = button("", "quiet small turn-seen", () => this.conceal(now, !now.concealed));
    const root = h("li", { class: "turn" }, mark, place, name, tags, points, seen);
    return {
      root,
      update({ turn, isNow }) {
        now = turn;
        setData(root, "now", isNow);
        setData(root, "defeated", turn.defeated);
        setAttr(root, "aria-current", isNow ? "step" : null);
        setText(mark, isNow ? "▶" : "");
        setText(place, turn.initiative === null ? "–" : Math.round(turn.initiative * 100) / 100);
        setAttr(place, "aria-label", turn.initiative === null ? "no initiative yet" : `initiative ${turn.initiative}`);
        setText(name, turn.name || "without a name");
        const words = [turn.character_type === "pc" ? "" : turn.character_type === "npc" ? "NPC" : "monster", turn.defeated && "defeated",
          turn.concealed && "viewers see ???"].filter(Boolean);
        setText(tags, words.join(" · "));
        setText(points, turn.hit_points ? pointsWords(turn.hit_points) : "");
        visible(seen, turn.name);
        setText(seen, turn.concealed ? "Show" : "Hide");
        setAttr(seen, "aria-label", turn.concealed ? `Show ${turn.name} to viewers` : `Hide ${turn.name} from viewers`);
      },
    };
  }
}
