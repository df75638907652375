// Rolling by hand: a notation field that is checked while it is typed, a button for each die, and honest dice of the server.

import { button, h, setAttr, setData, setText, show as visible, uniqueId } from "../dom.js";
import { Choice, Pick } from "../fields.js";
import { failure } from "../words.js";
import { modeOf, rangeWords, read, withDie, withMode, withMore } from "./notation.js";

const DICE = [4, 6, 8, 10, 12, 20, 100];
const FIRST = "1d20";
const MODES = [["normal", "Plain"], ["advantage", "Advantage"], ["disadvantage", "Disadvantage"]];
const GAME_MASTER = "";

export class ByHand {
  constructor(desk) {
    Object.assign(this, desk);
    const id = uniqueId("notation");
    this.notation = h("input", { type: "text", id, class: "notation-input", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
      enterkeyhint: "go", maxlength: 256, value: FIRST, "aria-describedby": `${id}-says`, oninput: () => this.check(),
      onkeydown: (event) => this.key(event) });
    this.says = h("p", { class: "notation-says", id: `${id}-says`, "aria-live": "polite" });
    this.dice = h("div", { class: "quick-dice", role: "group", "aria-label": "Add a die" },
      DICE.map((sides) => button(`d${sides}`, "plain", () => this.write(withDie(this.fresh(), sides)), { "aria-label": `Add a d${sides}` })),
      button("−1", "quiet", () => this.write(withMore(this.notation.value, -1)), { "aria-label": "One less" }),
      button("+1", "quiet", () => this.write(withMore(this.notation.value, 1)), { "aria-label": "One more" }),
      button("Clear", "quiet", () => this.write("")));
    this.mode = new Choice("Advantage", MODES, () => this.write(withMode(this.notation.value, this.mode.value)));
    this.seen = new Choice("Who sees it", [["public", "Everybody"], ["gm_only", "Secret"]], () => this.explain());
    this.seen.value = "public";
    this.secrecy = h("p", { class: "hint" });
    this.who = new Pick("Who rolls", [[GAME_MASTER, "The game master"]]);
    this.label = h("input", { type: "text", maxlength: 140, autocomplete: "off", "aria-label": "What for", placeholder: "optional",
      onkeydown: (event) => this.key(event) });
    this.button = button("Roll", "accent roll-button", () => this.roll());
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.last = h("p", { class: "last-roll", role: "status" });
    this.root = h("section", { class: "part by-hand", "aria-label": "Roll by hand" },
      h("div", { class: "part-head" }, h("h3", { text: "Roll by hand" }), h("kbd", { class: "with-keys", text: "R", "aria-hidden": "true" })),
      h("div", { class: "notation-line" }, h("label", { class: "unseen", for: id, text: "Dice, as in 2d20kh1+7" }), this.notation, this.button),
      this.says, this.dice,
      h("div", { class: "hand-choices" }, this.mode.root, this.seen.root),
      this.secrecy, h("div", { class: "hand-choices" }, this.who.root, h("div", { class: "line" }, h("span", { class: "label",
        text: "What for" }), this.label)),
      this.trouble, this.last);
    this.mode.root.classList.add("tight");
    this.seen.root.classList.add("tight");
    this.isDefault = true; // nobody has written yet: the first die replaces what stands there
    this.check();
  }

  focus() {
    this.notation.focus();
    this.notation.select();
  }

  fresh() {
    return this.isDefault ? "" : this.notation.value;
  }

  write(text) {
    this.isDefault = false;
    this.notation.value = text;
    this.check();
  }

  key(event) {
    if (event.target === this.notation && event.key !== "Tab") this.isDefault = false;
    if (event.key === "Enter" && !event.isComposing) this.roll();
  }

  /** Says at once what the notation means, or what is wrong with it and where. */
  check() {
    const text = this.notation.value;
    const found = read(text);
    const isEmpty = text.trim() === "";
    setData(this.says, "bad", !found.ok && !isEmpty);
    setAttr(this.notation, "aria-invalid", !found.ok && !isEmpty ? "true" : null);
    if (isEmpty) setText(this.says, "Dice such as 1d20+7, 2d20kh1, 4d6!, 4dF: press them below or write them.");
    else setText(this.says, found.ok ? rangeWords(found) : `${found.reason}, at character ${found.at + 1}`);
    const mode = modeOf(text);
    for (const input of this.mode.inputs) input.disabled = mode === null;
    if (mode !== null) this.mode.value = mode;
    setData(this.mode.root, "off", mode === null);
    return found.ok;
  }

  explain() {
    const { settings } = this.data.table;
    const isSecret = this.seen.value !== "public";
    visible(this.secrecy, isSecret);
    const stream = settings?.seals_secret ? "Viewers see a wax seal with the first characters of its commitment; reveal it later with proof."
      : settings?.shows_secret ? "Viewers see only that a secret roll happened." : "Viewers see nothing of it.";
    this.secrecy.replaceChildren(`${stream} `, button("Change that", "quiet small", () => this.show("settings")));
  }

  async roll() {
    setText(this.trouble, "");
    if (!this.check() || this.notation.value.trim() === "") {
      this.notation.focus();
      return;
    }
    if (this.rolling) return;
    this.rolling = true;
    setText(this.button, "Rolling…");
    try {
      await this.send({
        notation: this.notation.value.trim(), visibility: this.seen.value, ...(this.label.value.trim() ? { label: this.label.value.trim() } : {}),
        ...(this.who.value === GAME_MASTER ? {} : { character_id: this.who.value }),
      });
      this.label.value = "";
    } catch (error) {
      const { title, text } = failure(error, "roll");
      setText(this.trouble, `${title}. ${text}`);
    } finally {
      this.rolling = false;
      setText(this.button, "Roll");
    }
  }

  /** One roll by hand; it stands at the top of the log. */
  async send(body) {
    const { campaign } = this.store.get();
    const roll = await this.api.post(`/campaigns/${campaign.id}/rolls`, body);
    this.data.put("rolls", roll);
    const isSecret = roll.visibility !== "public";
    setText(this.last, isSecret ? "Rolled in secret: the value is in the log, behind a click." : `Rolled ${roll.notation}: ${roll.total}`);
    return roll;
  }

  update({ table, safe }) {
    const characters = table.characters ?? [];
    // The list drops down outside of the page, where nothing can be blurred.
    const words = characters.map((character, place) => [character.id, safe ? `Character ${place + 1}` : character.name]);
    const written = JSON.stringify(words);
    if (written !== this.written) {
      this.written = written;
      const { value } = this.who;
      this.who.select.replaceChildren(...[[GAME_MASTER, "The game master"], ...words].map(([id, text]) => h("option", { value: id, text })));
      this.who.value = words.some(([id]) => id === value) ? value : GAME_MASTER;
    }
    const secrecy = `${table.settings?.seals_secret}${table.settings?.shows_secret}`;
    if (secrecy !== this.toldSecrecy) {
      this.toldSecrecy = secrecy;
      this.explain();
    }
  }
}
