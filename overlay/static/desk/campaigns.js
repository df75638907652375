// Which show is run: the switcher in the header, and making a new one.

import { Dialog } from "./dialog.js";
import { button, h, mirror, setAttr, setText, show as visible } from "./dom.js";
import { icon } from "./icons.js";
import { Line } from "./fields.js";
import { Invitations } from "./people/invitations.js";
import { failure } from "./words.js";

const REMEMBERED = "hubbub.campaign";

export class Campaigns {
  /** `switched(campaign)` reloads the desk for another show. */
  constructor(store, api, switched, toasts) {
    Object.assign(this, { store, api, switched });
    this.label = h("span", { class: "show-name", dir: "auto" });
    this.demo = h("span", { class: "tag sim", text: "Demo" });
    this.root = h("button", { type: "button", class: "button quiet show-button", onclick: () => this.open() },
      this.label, this.demo, icon("down"));
    this.dialog = new Dialog("Shows");
    this.list = h("ul", { class: "shows" });
    this.name = new Line("New show", { maxlength: 100, placeholder: "for example: Friday dungeon", onkeydown: (event) => {
      if (event.key === "Enter") this.create();
    } }, "A show has its own channels, overlays, rundown and history.");
    this.save = button("Create", "accent", () => this.create());
    this.invitations = new Invitations(api, toasts, (id) => this.join(id), () => this.ask());
    this.dialog.body.append(this.invitations.root, this.list, this.name.root);
    this.dialog.foot.append(this.save);
  }

  /** Reads all shows and picks the one from last time, otherwise the newest real one, otherwise the demo. */
  async load() {
    const campaigns = await this.api.all("/campaigns");
    const last = localStorage.getItem(REMEMBERED);
    const newest = campaigns.slice().sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
    const campaign = campaigns.find((item) => item.id === last) ?? newest.find((item) => !item.is_demo) ?? newest[0] ?? null;
    this.store.set({ campaigns, campaign });
    return campaign;
  }

  /** Opens the list, with the invitations that wait. */
  open(focus) {
    this.dialog.open(focus);
    this.ask();
  }

  async ask() {
    try {
      this.invitations.update(await this.api.all("/invitations"));
    } catch {
      this.invitations.update([]); // the page "People" tells that they cannot be read
    }
  }

  /** The show of an invitation that was accepted, at the place where one says what Hubbub may do. */
  async join(id) {
    await this.load();
    const made = this.store.get().campaigns.find((item) => item.id === id);
    if (!made) return;
    localStorage.setItem(REMEMBERED, made.id);
    this.dialog.close();
    await this.switched(made); // also when reading the list has chosen it already
    this.onJoined?.();
  }

  choose(campaign) {
    localStorage.setItem(REMEMBERED, campaign.id);
    this.dialog.close();
    if (campaign.id !== this.store.get().campaign?.id) this.switched(campaign);
  }

  async create() {
    if (this.name.value === "") {
      this.name.complain("Give the show a name.");
      return;
    }
    setText(this.save, "Creating…");
    try {
      const made = await this.api.post("/campaigns", { name: this.name.value });
      this.store.set({ campaigns: [...this.store.get().campaigns, made] });
      this.name.value = "";
      this.choose(made);
    } catch (error) {
      const { title, text } = failure(error, "create the show");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Create");
    }
  }

  update({ campaigns, campaign }) {
    setText(this.label, campaign?.name ?? "No show yet");
    setAttr(this.root, "aria-label", campaign ? `Show: ${campaign.name}. Change or create a show` : "Create a show");
    visible(this.demo, campaign?.is_demo);
    visible(this.list, campaigns.length > 0);
    mirror(this.list, campaigns, (item) => item.id, (item) => {
      let now = item;
      const name = h("span", { dir: "auto" });
      const note = h("small");
      const control = h("button", { type: "button", class: "button plain wide", onclick: () => this.choose(now) }, name, note);
      return {
        root: h("li", {}, control),
        update: (next) => {
          now = next;
          setText(name, next.name);
          setText(note, [next.id === campaign?.id ? "shown now" : "", next.is_demo ? "demo" : ""].filter(Boolean).join(", "));
          setAttr(control, "aria-current", next.id === campaign?.id ? "true" : null);
        },
      };
    });
  }
}
