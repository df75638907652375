// The browser sources in OBS: are they there, what do they look like, and their secret links.

import { Dialog } from "./dialog.js";
import { button, h, iconButton, mirror, named, setAttr, setData, setText, show as visible } from "./dom.js";
import { Line } from "./fields.js";
import { holdButton } from "./hold.js";
import { LinkOnce } from "./link_once.js";
import { LookDialog } from "./look.js";
import { unread } from "./toast.js";
import { failure, sourceWords } from "./words.js";

export class Overlays {
  constructor(store, api, toasts) {
    Object.assign(this, { store, api, toasts });
    this.list = h("ul", { class: "lamps", "aria-label": "Overlays" });
    this.trouble = h("div");
    this.empty = h("div", { class: "teach" },
      h("p", {}, h("strong", { text: "What viewers see comes from here. " }),
        "Add an overlay, copy its link, paste it into OBS: Sources, +, Browser, 1920 × 1080."),
      h("div", { class: "row" }, button("Add an overlay", "accent", () => this.open())));
    this.add = button("Add an overlay", "plain small", () => this.open());
    this.root = h("section", { class: "part", "aria-label": "Overlays" },
      h("div", { class: "part-head" }, h("h3", { text: "Overlays" }), this.add), this.trouble, this.empty, this.list);
    this.look = new LookDialog((overlay, layout) => this.saveLook(overlay, layout));
    this.dialog = new Dialog("Add an overlay");
    this.name = new Line("Name", { maxlength: 64, class: "name", placeholder: "for example: Main scene", onkeydown: (event) => {
      if (event.key === "Enter") this.submit();
    } }, "Only you see it. One overlay for each place it is used: your OBS, a co-streamer's, a vertical stream.");
    this.save = button("Add", "accent", () => this.submit());
    this.dialog.body.append(this.name.root);
    this.dialog.foot.append(this.save);
  }

  open() {
    this.name.value = this.store.get().overlays?.length ? "" : "Main scene";
    this.dialog.open(this.name.input);
    this.name.input.select();
  }

  async submit() {
    if (this.name.value === "") {
      this.name.complain("Give it a name.");
      return;
    }
    setText(this.save, "Adding…");
    try {
      const { campaign } = this.store.get();
      const made = await this.api.post(`/campaigns/${campaign.id}/overlays`, { name: this.name.value });
      const { url, ...overlay } = made;
      const state = this.store.get();
      this.store.set({
        overlays: [...(state.overlays ?? []), { sources: [], ...overlay }], links: { ...state.links, [made.id]: url },
      });
      this.dialog.close();
    } catch (error) {
      const { title, text } = failure(error, "add the overlay");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Add");
    }
  }

  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const overlays = await this.api.all(`/campaigns/${campaign.id}/overlays`);
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.trouble.replaceChildren();
      this.store.set({ overlays });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "the overlays", () => this.load()));
    }
  }

  async rotate(overlay) {
    try {
      const { url } = await this.api.post(`/overlays/${overlay.id}/rotate`);
      this.store.set({ links: { ...this.store.get().links, [overlay.id]: url } });
      this.toasts.note("The old link is dead", "Copy the new one and paste it into OBS in its place.");
    } catch (error) {
      this.toasts.fail(error, "make a new link");
    }
  }

  async test(overlay) {
    try {
      await this.api.post(`/overlays/${overlay.id}/test`);
      const there = this.sources(overlay).length > 0;
      if (there) this.toasts.note("Test picture sent", [named(overlay.name), " shows it for 8 s, marked TEST."]);
      else this.toasts.warn("Test picture sent, but nobody is there", [named(overlay.name), " is not open anywhere. Paste its link "
        + "into OBS as a browser source; if you lost the link, make a new one."]);
    } catch (error) {
      this.toasts.fail(error, "send the test picture");
    }
  }

  async remove(overlay) {
    const before = this.store.get().overlays;
    this.store.set({ overlays: before.filter((item) => item.id !== overlay.id) });
    try {
      await this.api.delete(`/overlays/${overlay.id}`);
      this.toasts.note([named(overlay.name), " is deleted"], "Its link no longer works.");
    } catch (error) {
      this.store.set({ overlays: before });
      this.toasts.fail(error, "delete the overlay");
    }
  }

  async saveLook(overlay, layout) {
    const saved = await this.api.patch(`/overlays/${overlay.id}`, { layout });
    const overlays = this.store.get().overlays.map((item) => (item.id === overlay.id ? { ...item, ...saved } : item));
    this.store.set({ overlays });
  }

  sources(overlay) {
    const { status } = this.store.get();
    return status?.overlays?.find((item) => item.id === overlay.id)?.sources ?? overlay.sources ?? [];
  }

  update({ overlays, links }) {
    visible(this.empty, overlays?.length === 0);
    visible(this.add, (overlays?.length ?? 0) > 0);
    const items = (overlays ?? []).map((item) => ({ ...item, sources: this.sources(item), url: links[item.id] ?? null }));
    mirror(this.list, items, (item) => item.id, (item) => this.row(item));
  }

  row(overlay) {
    let now = overlay;
    const name = h("strong", { class: "name", dir: "auto" });
    const word = h("span", { class: "lamp-word" });
    const facts = h("ul", { class: "lamp-facts" });
    const link = new LinkOnce(this.toasts, () => {
      const links = { ...this.store.get().links };
      delete links[now.id];
      this.store.set({ links });
    });
    const more = iconButton("more", "More", null, { "aria-expanded": "false" });
    const tools = h("div", { class: "lamp-tools", hidden: true },
      button("Look…", "plain small", () => this.look.open(now)),
      holdButton("New link (hold)", "plain small", () => this.rotate(now)),
      holdButton("Delete (hold)", "danger small", () => this.remove(now)));
    const test = button("Test", "plain small", () => this.test(now));
    more.addEventListener("click", () => {
      more.setAttribute("aria-expanded", String(visible(tools, tools.hidden)));
    });
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name), word, facts), test, more, link.root, tools);
    return {
      root,
      update(next) {
        now = next;
        const there = next.sources.length;
        setData(root, "tone", there ? "good" : "off");
        setText(name, next.name);
        setText(word, there ? (there === 1 ? "connected" : `connected ${there} times`) : "not connected");
        mirror(facts, next.sources.map((source, index) => ({ source, index })), (item) => item.index, () => {
          const item = h("li");
          return {
            root: item,
            update({ source }) {
              item.classList.toggle("name", !source.obs); // then it is told by the name it gave itself
              setText(item, sourceWords(source));
            },
          };
        });
        link.update(next.url);
        setAttr(test, "aria-label", `Send a test picture to ${next.name}`);
        setAttr(more, "aria-label", `More for ${next.name}: look, new link, delete`);
      },
    };
  }
}
