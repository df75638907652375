// Rolls that came from somebody whom the desk does not know: whose is it? Decided once, so it takes two presses.

import { button, h, mirror, setAttr, setText, show as visible } from "../dom.js";
import { holdButton } from "../hold.js";
import { many } from "../time.js";
import { diceRow, shape, totalWords } from "./roll.js";
import { VISIBILITY, rollWhat } from "./words.js";

const MOST_CHIPS = 8;
const MOST_ROLLS = 1; // at once: the others follow, and rolling by hand stays in sight

export class Pending {
  constructor(desk) {
    Object.assign(this, desk);
    this.title = h("h3");
    this.list = h("ol", { class: "pending" });
    this.rest = h("p", { class: "hint" });
    this.root = h("section", { class: "part pending-part", "aria-label": "Whose is it?", hidden: true },
      h("div", { class: "part-head" }, this.title), this.list, this.rest);
  }

  update({ table, safe }) {
    const rolls = (table.pending ?? []).map(shape);
    if (!visible(this.root, rolls.length)) return;
    setText(this.title, "Whose roll is it?");
    // The oldest first, as they fell.
    const shown = rolls.reverse().slice(0, MOST_ROLLS);
    setText(this.rest, `${many(rolls.length - shown.length, "more roll waits", "more rolls wait")} behind.`);
    visible(this.rest, rolls.length > shown.length);
    const characters = table.characters ?? [];
    mirror(this.list, shown.map((roll) => ({ roll, characters, safe })), ({ roll }) => roll.id, (item) => this.row(item));
  }

  /** Scrolls one into sight and puts the focus on its first choice. */
  point(id) {
    const row = [...this.list.children].find((node) => node.dataset.roll === id);
    row?.scrollIntoView({ block: "nearest" });
    row?.querySelector("button, select")?.focus();
  }

  row({ roll: first }) {
    let now = first;
    let chosen = null;
    let shown = [];
    const who = h("strong", { class: "name", dir: "auto" });
    const what = h("span", { class: "roll-what", dir: "auto" });
    const secret = h("span", { class: "tag", data: { tone: "secret" } });
    const dice = h("span", { class: "dice-row" });
    const total = h("b", { class: "roll-total" });
    const chips = h("div", { class: "chips", role: "group", "aria-label": "Characters" });
    const others = h("select", { class: "name", "aria-label": "Another character", onchange: () => choose(others.value || null) });
    const nobody = h("p", { class: "hint", text: "No character is known yet: add one under Party, or dismiss the roll." });
    const give = button("", "accent small", () => this.give(now, chosen, true));
    const quietly = button("", "plain small", () => this.give(now, chosen, false));
    const confirm = h("div", { class: "row owner-confirm", hidden: true }, give, quietly);
    const dismiss = holdButton("Dismiss (hold)", "quiet small", () => this.dismiss(now));

    const choose = (id) => {
      chosen = id;
      for (const chip of chips.children) setAttr(chip, "aria-pressed", chip.dataset.id === id ? "true" : "false");
      if (![...chips.children].some((chip) => chip.dataset.id === id)) others.value = id ?? "";
      else others.value = "";
      visible(confirm, id);
      setText(give, now.isSecret ? "Theirs" : "Theirs: show and count it");
      setText(quietly, "Theirs, without effects");
    };
    const root = h("li", { class: "pending-roll", data: { roll: first.id } },
      h("div", { class: "pending-head" }, h("p", { class: "roll-line" }, who, what, secret), h("span", { class: "spring" }), dice, total),
      nobody, h("div", { class: "owner-line" }, chips, others, dismiss), confirm);
    return {
      root,
      update: ({ roll, characters, safe }) => {
        now = roll;
        setText(who, roll.character || roll.player || "Somebody");
        setText(what, [rollWhat(roll), roll.notation].filter(Boolean).join(" · "));
        visible(secret, roll.isSecret);
        setText(secret, (VISIBILITY[roll.visibility] ?? VISIBILITY.gm_only)[0]);
        visible(total, !roll.isSecret);
        setText(total, roll.isSecret ? "" : totalWords(roll));
        const face = JSON.stringify([roll.groups, roll.modifiers, roll.isSecret]);
        if (dice.dataset.face !== face) {
          dice.dataset.face = face;
          dice.replaceChildren(...(roll.isSecret ? [] : diceRow(roll)));
        }
        visible(nobody, characters.length === 0);
        const order = [...characters].sort((a, b) => rank(a) - rank(b));
        const words = JSON.stringify([order.map(({ id, name }) => [id, name]), safe]);
        if (words === shown) return;
        shown = words;
        chips.replaceChildren(...order.slice(0, MOST_CHIPS).map(({ id, name }) => h("button", { type: "button", class: "button plain small chip",
          data: { id }, "aria-pressed": "false", onclick: () => choose(id === chosen ? null : id) }, h("span", { class: "name", dir: "auto",
            text: name }))));
        const rest = order.slice(MOST_CHIPS);
        visible(others, rest.length);
        others.replaceChildren(h("option", { value: "", text: "Another…" }),
          ...rest.map(({ id, name }, place) => h("option", { value: id, text: safe ? `Character ${place + 1}` : name })));
        if (!characters.some(({ id }) => id === chosen)) choose(null);
        else choose(chosen);
      },
    };
  }

  async give(roll, characterId, effects) {
    await this.decide(roll, "give the roll to its owner", () => this.api.post(`/rolls/${roll.id}/attribute`, { character_id: characterId, effects }));
  }

  async dismiss(roll) {
    await this.decide(roll, "dismiss the roll", () => this.api.post(`/rolls/${roll.id}/dismiss`));
  }

  async decide(roll, doing, act) {
    const before = this.data.table.pending;
    this.data.drop("pending", roll.id);
    try {
      const now = await act();
      if (now?.id) this.data.put("rolls", now);
    } catch (error) {
      this.data.set({ pending: before });
      this.toasts.fail(error, doing);
      this.data.load("pending");
    }
  }
}

/** Those at hand first: the party, then whoever somebody plays, then the rest. */
function rank({ in_party, kind }) {
  return in_party ? 0 : kind === "pc" ? 1 : 2;
}
