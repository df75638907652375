// How an overlay looks: stage, theme, place, size, motion. The preview in "Now" follows when it is saved.

import { Dialog } from "./dialog.js";
import { button, h, named, setText } from "./dom.js";
import { Pick } from "./fields.js";
import { failure } from "./words.js";

const STAGES = [["landscape", "Landscape, 1920 × 1080"], ["vertical", "Vertical, 1080 × 1920"]];
const THEMES = [["night", "Night: dark plate"], ["paper", "Paper: light plate"], ["arcade", "Arcade: bold"]];
const ANCHORS = [
  ["bottom-left", "Bottom left"], ["bottom", "Bottom"], ["bottom-right", "Bottom right"],
  ["left", "Left"], ["center", "Centre"], ["right", "Right"],
  ["top-left", "Top left"], ["top", "Top"], ["top-right", "Top right"], ["lower-third", "Lower third"],
];
const SCALES = [0.6, 0.8, 1, 1.2, 1.4, 1.6].map((scale) => [String(scale), `${Math.round(scale * 100)} %`]);
const MOTIONS = [["full", "Full"], ["reduced", "Reduced: fades only"]];
const LANGUAGES = [["en", "English"], ["de", "Deutsch"], ["fr", "Français"], ["es", "Español"], ["pt", "Português"]];

export class LookDialog {
  /** `save(overlay, layout)` stores it and rejects when it could not. */
  constructor(save) {
    this.save = save;
    this.dialog = new Dialog("Look");
    this.picks = {
      stage: new Pick("Stage", STAGES), theme: new Pick("Theme", THEMES), anchor: new Pick("Place", ANCHORS),
      scale: new Pick("Size", SCALES), motion: new Pick("Motion", MOTIONS), lang: new Pick("Language on stream", LANGUAGES),
    };
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.button = button("Save", "accent", () => this.submit());
    this.dialog.body.append(h("div", { class: "pairs" }, Object.values(this.picks).map((pick) => pick.root)), this.trouble);
    this.dialog.foot.append(this.button);
  }

  open(overlay) {
    this.overlay = overlay;
    const layout = { stage: "landscape", theme: "night", anchor: "bottom-left", scale: 1, motion: "full", lang: "en",
      ...overlay.layout };
    this.dialog.title.replaceChildren("Look of ", named(overlay.name));
    for (const [name, pick] of Object.entries(this.picks)) {
      pick.value = String(layout[name]);
      // A value written by a script that this list does not know: keep it visible, not silently changed.
      if (pick.value === "") {
        pick.select.append(h("option", { value: String(layout[name]), text: String(layout[name]) }));
        pick.value = String(layout[name]);
      }
    }
    setText(this.trouble, "");
    this.dialog.open();
  }

  async submit() {
    const layout = { ...this.overlay.layout };
    for (const [name, pick] of Object.entries(this.picks)) {
      layout[name] = name === "scale" ? Number(pick.value) : pick.value;
    }
    setText(this.button, "Saving…");
    try {
      await this.save(this.overlay, layout);
      this.dialog.close();
    } catch (error) {
      const { title, text } = failure(error, "save the look");
      setText(this.trouble, `${title}. ${text}`);
    } finally {
      setText(this.button, "Save");
    }
  }
}
