// The overlay in small: the very element that OBS shows, fed with the same boards.

import { h, mirror, setAttr, setData, setText, show as visible } from "./dom.js";

export class Preview {
  constructor(store) {
    this.store = store;
    this.stage = null;
    this.chosen = null; // overlay id whose look is shown
    this.select = h("select", { "aria-label": "Show the look of which overlay", onchange: () => {
      this.chosen = this.select.value;
      this.settle(store.get());
    } });
    this.words = h("p", { class: "preview-words" });
    this.box = h("div", { class: "preview-box", role: "img", "aria-label": "What viewers see" });
    this.nothing = h("p", { class: "preview-nothing", "aria-hidden": "true", text: "Viewers see only your stream" });
    this.root = h("figure", { class: "preview" }, h("div", { class: "preview-frame" }, this.box, this.nothing,
      h("figcaption", {}, h("span", { text: "What viewers see" }), this.select)), this.words);
    this.load();
  }

  /** The overlay's own code; the desk works without it (bars and words say the same). */
  async load() {
    try {
      await import("../overlay/stage.js");
      this.stage = document.createElement("hb-stage");
      this.box.append(this.stage);
      this.update(this.store.get());
      this.settle(this.store.get());
    } catch (error) {
      setText(this.words, "The preview could not be loaded; reload the desk to see it. The show itself is not affected.");
      console.error("preview", error);
    }
  }

  update({ boards, offset }) {
    if (!this.stage) return;
    if (this.offset !== offset) {
      this.offset = offset;
      this.stage.offset = offset ?? 0;
    }
    if (this.boards !== boards) {
      this.boards = boards;
      this.stage.boards = boards ?? {};
    }
  }

  settle({ overlays, show, safe, boards }) {
    const list = overlays ?? [];
    const overlay = list.find((item) => item.id === this.chosen) ?? list[0] ?? null;
    visible(this.select, list.length > 1);
    // The list drops down outside of the page, where nothing can be blurred.
    const words = list.map((item, place) => ({ id: item.id, text: safe ? `Overlay ${place + 1}` : item.name }));
    mirror(this.select, words, (item) => item.id, (item) => {
      const root = h("option", { value: item.id });
      return { root, update: (now) => setText(root, now.text) };
    });
    if (overlay && this.select.value !== overlay.id) this.select.value = overlay.id;
    setData(this.root, "stage", overlay?.layout?.stage === "vertical" ? "vertical" : "landscape");
    const isBare = !show && Object.keys(boards ?? {}).length === 0;
    visible(this.nothing, isBare);
    const what = show ? show.question : isBare ? "nothing of ours" : "the table";
    setAttr(this.box, "aria-label", `What viewers see: ${what}`);
    const layout = { ...(overlay?.layout ?? {}), overlay_id: overlay?.id ?? null, name: overlay?.name ?? "" };
    const written = JSON.stringify(layout);
    if (this.stage && written !== this.layout) {
      this.layout = written;
      this.stage.layout = layout;
    }
  }
}
