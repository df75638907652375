// Several rundowns: one an evening, or one an act. Making, renaming and deleting them.

import { Dialog } from "./dialog.js";
import { button, h, mirror, setAttr, setText } from "./dom.js";
import { Line } from "./fields.js";
import { holdButton } from "./hold.js";
import { many } from "./time.js";
import { failure } from "./words.js";

export class Rundowns {
  constructor(store, api, toasts, rundown) {
    Object.assign(this, { store, api, toasts, rundown });
    this.dialog = new Dialog("Rundowns");
    this.list = h("ul", { class: "shows" });
    this.name = new Line("New rundown", { maxlength: 100, placeholder: "for example: Act two", onkeydown: (event) => {
      if (event.key === "Enter") this.create();
    } });
    this.save = button("Create", "accent", () => this.create());
    this.dialog.body.append(this.list, this.name.root);
    this.dialog.foot.append(this.save);
    store.onCalm((state) => this.update(state));
  }

  open() {
    this.name.value = "";
    this.dialog.open(this.name.input);
  }

  async create() {
    if (this.name.value === "") {
      this.name.complain("Give it a name.");
      return;
    }
    setText(this.save, "Creating…");
    try {
      const { campaign, rundowns } = this.store.get();
      const made = await this.api.post(`/campaigns/${campaign.id}/rundowns`, { name: this.name.value });
      this.store.set({ rundowns: [...(rundowns ?? []), made], rundownId: made.id });
      this.dialog.close();
      this.rundown.load();
    } catch (error) {
      const { title, text } = failure(error, "create the rundown");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Create");
    }
  }

  async rename(item, field) {
    const name = field.value.trim();
    if (name === "" || name === item.name) {
      field.value = item.name;
      return;
    }
    try {
      await this.api.patch(`/rundowns/${item.id}`, { name });
      this.rundown.load();
    } catch (error) {
      field.value = item.name;
      this.toasts.fail(error, "rename the rundown");
    }
  }

  async remove(item) {
    try {
      await this.api.delete(`/rundowns/${item.id}`);
      if (this.store.get().rundownId === item.id) this.store.set({ rundownId: null });
      this.rundown.load();
    } catch (error) {
      this.toasts.fail(error, "delete the rundown");
    }
  }

  use(item) {
    this.store.set({ rundownId: item.id });
    this.dialog.close();
    this.rundown.load();
  }

  update({ rundowns, rundownId }) {
    mirror(this.list, rundowns ?? [], (item) => item.id, (item) => {
      let now = item;
      const field = h("input", { type: "text", maxlength: 100, dir: "auto", onchange: () => this.rename(now, field) });
      const drafts = h("small");
      const use = button("Use", "plain small", () => this.use(now));
      const remove = holdButton("Delete (hold)", "danger small", () => this.remove(now));
      return {
        root: h("li", { class: "row" }, field, drafts, use, remove),
        update: (next) => {
          now = next;
          if (document.activeElement !== field) field.value = next.name;
          const current = next.id === rundownId;
          setText(use, current ? "In use" : "Use");
          setAttr(use, "aria-current", current ? "true" : null);
          setAttr(use, "aria-label", `Use the rundown ${next.name}`);
          setAttr(field, "aria-label", `Name of the rundown ${next.name}`);
          setText(drafts, many((next.polls ?? []).filter((poll) => poll.state === "draft").length, "draft"));
        },
      };
    });
  }
}
