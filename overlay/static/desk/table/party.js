// Tab "Party": the characters, who plays whom, what of them the party bar shows, and their points by hand.

import { Dialog } from "../dialog.js";
import { button, h, iconButton, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { Choice, Line, Switch } from "../fields.js";
import { holdButton } from "../hold.js";
import { PLATFORM, failure } from "../words.js";
import { CHARACTER_KIND } from "./words.js";

const AFTER_TAPS_MS = 500; // taps on − and + are sent together
const MOST_SHOWN = 6;
const COMMON = ["blinded", "charmed", "frightened", "grappled", "poisoned", "prone", "restrained", "stunned", "unconscious", "concentrating"];

export class Party {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["characters"];
    this.lists = [
      { name: "In the party bar", of: (character) => character.in_party },
      { name: "Not in the party bar", of: (character) => !character.in_party },
    ].map(({ name, of }) => {
      const list = h("ul", { class: "characters", "aria-label": name });
      const title = h("h3");
      return { name, of, list, title, root: h("section", { class: "part", "aria-label": name }, h("div", { class: "part-head" }, title), list) };
    });
    this.add = button("Add a character", "plain small", () => this.open());
    this.lists[0].root.firstChild.append(this.add);
    this.hint = h("p", { class: "hint" });
    this.loading = h("p", { class: "hint", text: "Reading the characters…" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "Who is at the table? " }),
      "Characters come by themselves from Foundry, and from other tabletops with their first roll; or write them down here. Say who plays whom, and rolls find their streamer."),
    h("div", { class: "row" }, button("Add a character", "accent", () => this.open()), button("Connect a table", "plain",
      () => this.show("tables"))));
    this.root = h("div", { class: "party-panel" }, this.loading, this.empty, this.hint, this.lists.map(({ root }) => root));
    this.build();
  }

  build() {
    this.dialog = new Dialog("Add a character");
    const enter = (event) => {
      if (event.key === "Enter") this.submit();
    };
    this.name = new Line("Name", { maxlength: 128, class: "name", onkeydown: enter }, "As your tabletop writes it: rolls find the character by it.");
    this.kind = new Choice("It is a", [["pc", "Player character"], ["npc", "NPC"], ["monster", "Monster"]], () => {});
    this.points = new Line("Hit points", { maxlength: 6, inputmode: "numeric", placeholder: "none", onkeydown: enter });
    this.save = button("Add", "accent", () => this.submit());
    this.dialog.body.append(this.name.root, this.kind.root, this.points.root);
    this.dialog.foot.append(this.save);
  }

  open() {
    this.name.value = "";
    this.points.value = "";
    this.kind.value = "pc";
    this.dialog.open(this.name.input);
  }

  async submit() {
    this.points.complain("");
    const points = this.points.value;
    if (this.name.value === "") return this.name.complain("Give it a name.");
    if (points !== "" && !/^\d{1,6}$/.test(points)) return this.points.complain("A whole number, or nothing.");
    const { campaign } = this.store.get();
    setText(this.save, "Adding…");
    try {
      const all = points === "" ? {} : { hit_points: { current: Number(points), maximum: Number(points) } };
      const isPlayer = this.kind.value === "pc";
      this.data.put("characters", await this.api.post(`/campaigns/${campaign.id}/characters`,
        { name: this.name.value, kind: this.kind.value, in_party: isPlayer, ...all }));
      this.dialog.close();
    } catch (error) {
      const { title, text } = failure(error, "add the character");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Add");
    }
    return undefined;
  }

  update({ table, channels }) {
    const { characters, settings } = table;
    visible(this.loading, characters === null && !table.troubles.characters);
    visible(this.empty, characters?.length === 0);
    const sorted = [...(characters ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { name, of, list, title, root } of this.lists) {
      const shown = sorted.filter(of);
      visible(root, characters?.length && (shown.length || name === this.lists[0].name));
      setText(title, `${name}: ${shown.length}`);
      mirror(list, shown.map((character) => ({ character, channels: channels ?? [], all: sorted })), ({ character }) => character.id, (item) => this.row(item));
    }
    const inBar = sorted.filter(({ in_party }) => in_party).length;
    const words = [settings?.shows_party === false && "Viewers do not see the party bar: switch it on under Stream.",
      inBar > MOST_SHOWN && `The bar has room for ${MOST_SHOWN}; the first ${MOST_SHOWN} are shown.`].filter(Boolean).join(" ");
    setText(this.hint, words);
    visible(this.hint, words && characters?.length);
  }

  row({ character: first }) {
    let now = first;
    const view = new CharacterView(this, () => now);
    return {
      root: view.root,
      update: ({ character, channels, all }) => {
        now = character;
        view.update(character, channels, all, this.store.get().safe);
      },
    };
  }

  async change(character, changes, doing = "change the character") {
    this.data.put("characters", { ...character, ...changes });
    try {
      this.data.put("characters", await this.api.patch(`/characters/${character.id}`, changes));
    } catch (error) {
      this.data.put("characters", character);
      this.toasts.fail(error, doing);
    }
  }

  async assign(character, to) {
    this.data.put("characters", { ...character, assigned_to: to });
    try {
      this.data.put("characters", await this.api.post(`/characters/${character.id}/assign`, { channel_id: to }));
      if (to === "game_master") this.data.load("characters"); // one at a time: another one is free now
    } catch (error) {
      this.data.put("characters", character);
      this.toasts.fail(error, "say who plays the character");
    }
  }

  async merge(character, into) {
    try {
      const merged = await this.api.post(`/characters/${character.id}/merge`, { into });
      this.data.drop("characters", character.id);
      this.data.put("characters", merged);
      this.toasts.note(`${character.name} is ${merged.name} now`, "The rolls of both are together, and tables mean the one that stayed.");
    } catch (error) {
      this.toasts.fail(error, "merge the characters");
    }
  }

  async remove(character) {
    this.data.drop("characters", character.id);
    try {
      await this.api.delete(`/characters/${character.id}`);
      this.toasts.note("The character is gone", "Its rolls stay. A table that still has it brings it back.");
    } catch (error) {
      this.data.put("characters", character);
      this.toasts.fail(error, "delete the character");
    }
  }
}

class CharacterView {
  constructor(party, character) {
    this.party = party;
    this.character = character;
    this.taps = null; // points that were tapped and not sent yet
    this.timer = 0;
    this.letter = h("span", { class: "letter name", "aria-hidden": "true" });
    this.name = h("strong", { class: "name", dir: "auto" });
    this.kind = h("span", { class: "platform" });
    this.player = h("select", { onchange: () => party.assign(character(), this.player.value || null) });
    this.fill = h("i", { class: "points-fill" });
    this.points = h("span", { class: "points-words" });
    this.bar = h("div", { class: "points" }, this.fill, this.points);
    this.less = button("−", "plain small step", () => this.tap(-1));
    this.plus = button("+", "plain small step", () => this.tap(1));
    this.conditions = h("span", { class: "conditions" });
    this.more = iconButton("more", "More", null, { "aria-expanded": "false" });
    this.tools = h("div", { class: "character-tools", hidden: true });
    this.more.addEventListener("click", () => this.more.setAttribute("aria-expanded", String(visible(this.tools, this.tools.hidden))));
    this.buildTools();
    this.root = h("li", { class: "character" }, this.letter,
      h("div", { class: "character-words" }, h("p", { class: "lamp-line" }, this.name, this.kind), this.conditions),
      h("div", { class: "character-points" }, this.less, this.bar, this.plus), h("label", { class: "played-by" }, h("span",
        { text: "played by" }), this.player), this.more, this.tools);
  }

  buildTools() {
    const { party, character } = this;
    this.inParty = new Switch("In the party bar", "Viewers see name, points and conditions.", () => party.change(character(),
      { in_party: this.inParty.value }));
    this.exact = new Switch("With numbers", "Off: viewers read “bloodied” and no number.", () => party.change(character(),
      { hides_points: !this.exact.value }));
    const enter = (event) => {
      if (event.key === "Enter") this.setPoints();
    };
    const number = (label) => h("input", { type: "text", inputmode: "numeric", maxlength: 7, class: "points-input", "aria-label": label,
      onkeydown: enter });
    this.current = number("Hit points now");
    this.maximum = number("Hit points at most");
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Conditions" });
    this.other = h("input", { type: "text", maxlength: 32, placeholder: "another condition", "aria-label": "Another condition", autocomplete: "off",
      onkeydown: (event) => {
        if (event.key !== "Enter" || !this.other.value.trim()) return;
        this.toggleCondition(this.other.value.trim());
        this.other.value = "";
      } });
    this.override = new Choice("Count it as", [["", "As the table says"], ["npc", "NPC"], ["monster", "Monster"]],
      () => party.change(character(), { kind_override: this.override.value || null }));
    this.same = h("select", { "aria-label": "Is the same character as" });
    this.merge = holdButton("Merge into it (hold)", "plain small", () => this.same.value && party.merge(character(), this.same.value));
    this.merging = h("div", { class: "row merge-row" }, h("span", { class: "label", text: "Twice in this list? It is the same as" }), this.same, this.merge);
    this.tools.append(h("div", { class: "pairs" }, this.inParty.root, this.exact.root),
      h("div", { class: "row points-row" }, h("span", { class: "label", text: "Hit points" }), this.current, "of", this.maximum,
        button("Set", "plain small", () => this.setPoints())), this.wrong,
      h("div", {}, h("span", { class: "label", text: "Conditions" }), this.chips, this.other), this.override.root, this.merging,
      h("div", { class: "row" }, holdButton("Delete the character (hold)", "danger small", () => party.remove(character()))));
  }

  tap(step) {
    const points = this.taps ?? this.character().hit_points;
    if (!points) return;
    this.taps = { ...points, current: points.current + step };
    this.writePoints(this.taps);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), AFTER_TAPS_MS);
  }

  async send() {
    const points = this.taps;
    this.taps = null;
    await this.party.change(this.character(), { hit_points: points }, "change the hit points");
  }

  setPoints() {
    const [current, maximum] = [this.current, this.maximum].map((input) => input.value.trim().replace("−", "-"));
    setText(this.wrong, "");
    if (current === "" && maximum === "") this.party.change(this.character(), { hit_points: null });
    else if (!/^-?\d{1,6}$/.test(current) || !/^\d{1,6}$/.test(maximum)) setText(this.wrong,
      "Two whole numbers, as 24 of 31; or both empty for none.");
    else this.party.change(this.character(), { hit_points: { current: Number(current), maximum: Number(maximum), temporary: 0 } });
  }

  toggleCondition(condition) {
    const { conditions } = this.character();
    const has = conditions.includes(condition);
    if (!has && conditions.length >= 12) return;
    this.party.change(this.character(), { conditions: has ? conditions.filter((other) => other !== condition) : [...conditions, condition] });
  }

  writePoints(points) {
    visible(this.bar.parentElement, points);
    if (!points) return;
    const share = points.maximum > 0 ? Math.min(1, Math.max(0, points.current / points.maximum)) : 0;
    this.fill.style.transform = `scaleX(${share})`;
    setData(this.bar, "state", share <= 0 ? "down" : share <= 0.5 ? "bloodied" : "fine");
    setText(this.points, pointsWords(points));
  }

  update(character, channels, all, safe) {
    const { name } = character;
    setText(this.letter, [...name][0]?.toUpperCase() ?? "?");
    setText(this.name, name);
    setText(this.kind, CHARACTER_KIND[character.kind] ?? character.kind);
    visible(this.kind, character.kind !== "pc");
    if (!this.taps) this.writePoints(character.hit_points);
    mirror(this.conditions, character.conditions.map((condition) => ({ condition })), ({ condition }) => condition, ({ condition }) => ({
      root: h("span", { class: "tag", text: condition }), update() {} }));
    const players = [["", "nobody"], ["game_master", "the game master"],
      ...channels.map((channel, place) => [channel.id, safe ? `Channel ${place + 1}` : `${channel.login} (${PLATFORM[channel.platform] ?? channel.platform})`])];
    const written = JSON.stringify(players);
    if (written !== this.players) {
      this.players = written;
      this.player.replaceChildren(...players.map(([value, text]) => h("option", { value, text })));
    }
    if (document.activeElement !== this.player) this.player.value = character.assigned_to ?? "";
    setAttr(this.player, "aria-label", `Who plays ${name}`);
    setAttr(this.more, "aria-label", `More for ${name}: party bar, points, conditions`);
    setAttr(this.less, "aria-label", `${name}: one hit point less`);
    setAttr(this.plus, "aria-label", `${name}: one hit point more`);
    this.inParty.value = character.in_party;
    this.exact.value = !character.hides_points;
    for (const [input, value] of [[this.current, character.hit_points?.current], [this.maximum, character.hit_points?.maximum]]) {
      if (document.activeElement !== input && !this.tools.contains(document.activeElement)) input.value = value ?? "";
    }
    const chips = [...new Set([...COMMON, ...character.conditions])].map((condition) => ({ condition,
      isOn: character.conditions.includes(condition) }));
    mirror(this.chips, chips, ({ condition }) => condition, ({ condition }) => {
      const chip = button(condition, "plain small chip", () => this.toggleCondition(condition));
      return { root: chip, update: ({ isOn }) => setAttr(chip, "aria-pressed", isOn ? "true" : "false") };
    });
    const others = all.filter((other) => other.id !== character.id);
    visible(this.merging, others.length);
    const same = JSON.stringify(others.map((other) => [other.id, other.name]));
    if (same !== this.others && document.activeElement !== this.same) {
      this.others = same;
      const chosen = this.same.value;
      this.same.replaceChildren(h("option", { value: "", text: "choose…" }), ...others.map((other) => h("option", { value: other.id, text: other.name })));
      this.same.value = others.some((other) => other.id === chosen) ? chosen : "";
    }
    visible(this.override.root, character.kind !== "pc" && character.connection_id);
    this.override.value = character.kind_override ?? "";
  }
}

/** "24 of 31", "−3 of 31", "24 of 31, 5 temporary" */
export function pointsWords({ current, maximum, temporary }) {
  const number = (n) => String(Math.round(n * 10) / 10).replace("-", "−");
  return `${number(current)} of ${number(maximum)}${temporary ? `, ${number(temporary)} temporary` : ""}`;
}
