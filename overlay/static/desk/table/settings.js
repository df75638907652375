// Tab "Stream": what of dice, party, initiative and secrets goes on stream, in plain words.

import { h, setText, show as visible } from "../dom.js";
import { Switch } from "../fields.js";

/** setting → its sentence, what it means, and the setting without which it means nothing. */
const SWITCHES = [
  ["shows_dice", "Public rolls go on stream", "Each as a die with its total. Off: you see them here only.", null],
  ["holds_pending", "A roll waits until I say whose it is", "Only rolls of characters nobody plays. Off: they are shown at once, and count when you have said whose.", "shows_dice"],
  ["shows_party", "The party bar is on stream", "Who is in it, and whether with numbers, is chosen under Party.", null],
  ["shows_initiative", "The order of turns is on stream", "Hit points of monsters are never shown.", null],
  ["conceals_monsters", "Monsters and NPCs are “???” until I show them", "One by one, under Initiative. Off: viewers see everybody whom your tabletop does not hide.", "shows_initiative"],
  ["shows_secret", "Viewers may know that a secret roll happened", "Never who, what for, or what it shows.", null],
  ["seals_secret", "…with a wax seal", "A code on stream that proves later, when you reveal the roll, that nobody changed it.", "shows_secret"],
  ["rewards_unverified", "Criticals of browsers count", "Most tabletops send from a browser, where a player could make a roll up. Off: only signed rolls of trusted tables count.", null],
];

export class TableSettings {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["settings"];
    this.switches = SWITCHES.map(([name, label, help, needs]) => {
      const field = new Switch(label, help, () => this.change(name, field.value));
      if (needs) field.root.classList.add("inner");
      return { name, needs, field };
    });
    this.loading = h("p", { class: "hint", text: "Reading the settings…" });
    this.summary = h("p", { class: "summary", "aria-live": "polite" });
    this.list = h("div", { class: "switches" }, this.switches.map(({ field }) => field.root));
    this.root = h("section", { class: "part", "aria-label": "What viewers see" },
      h("div", { class: "part-head" }, h("h3", { text: "What viewers see of the table" })), this.loading, this.summary, this.list,
      h("p", { class: "hint", text: "Whatever is set here: the value of a secret roll never leaves the server before you reveal it." }));
  }

  async change(name, value) {
    const { campaign } = this.store.get();
    const before = this.data.table.settings;
    const changes = { [name]: value };
    if (name === "seals_secret" && value) changes.shows_secret = true;
    if (name === "shows_secret" && !value) changes.seals_secret = false;
    this.data.set({ settings: { ...before, ...changes } });
    try {
      this.data.set({ settings: await this.api.patch(`/campaigns/${campaign.id}/table`, changes) });
    } catch (error) {
      this.data.set({ settings: before });
      this.toasts.fail(error, "change what viewers see");
    }
  }

  update({ table }) {
    const { settings } = table;
    visible(this.loading, !settings && !table.troubles.settings);
    visible(this.list, settings);
    if (!settings) return;
    for (const { name, needs, field } of this.switches) {
      visible(field.root, name in settings);
      field.value = settings[name];
      field.root.classList.toggle("idle-switch", Boolean(needs) && !settings[needs]);
    }
    setText(this.summary, summary(settings));
  }
}

function summary({ shows_dice, shows_party, shows_initiative, shows_secret, seals_secret }) {
  const seen = [shows_dice && "public dice", shows_party && "the party", shows_initiative && "the order of turns"].filter(Boolean);
  const list = seen.length ? `Viewers see ${seen.length > 1 ? `${seen.slice(0,
    -1).join(", ")} and ${seen.at(-1)}` : seen[0]}.` : "Viewers see nothing of the table.";
  const secret = seals_secret ? "Of a secret roll they see a seal." : shows_secret ? "Of a secret roll they learn that it happened." : "Of secret rolls they learn nothing.";
  return `${list} ${secret}`;
}
