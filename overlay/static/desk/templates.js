// Starting points for a poll: built-in ones and those saved on this desk.

import { button, h, iconButton, mirror, setAttr, setText, show as visible } from "./dom.js";
import { lengthOf, toTemplate } from "./settings.js";
import { serverNow } from "./time.js";

const UNDO_MS = 10000;
const LABEL_LENGTH = 60;

export class Templates {
  constructor(store, api, toasts) {
    Object.assign(this, { store, api, toasts });
  }

  /** Reads them anew; a failure leaves the known ones (starting points are a help, not a need). */
  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const { items } = await this.api.get(`/campaigns/${campaign.id}/poll-templates`);
      // One's own first: they were saved for a reason.
      const templates = items.slice().sort((a, b) => Number(Boolean(a.builtin)) - Number(Boolean(b.builtin)));
      this.store.set({ templates });
    } catch (error) {
      console.warn("templates could not be read", error);
    }
  }

  async save(body) {
    const { campaign } = this.store.get();
    const label = cut(body.question);
    await this.api.post(`/campaigns/${campaign.id}/poll-templates`, toTemplate(label, body));
    await this.load();
  }

  async remove(template) {
    const before = this.store.get().templates;
    this.store.set({ templates: before.filter((item) => item !== template) });
    try {
      await this.api.delete(`/poll-templates/${template.id}`);
    } catch (error) {
      this.store.set({ templates: before });
      this.toasts.fail(error, "delete the template");
      return;
    }
    const { campaign } = this.store.get();
    this.toasts.undo(`Template “${template.label}” is deleted`, serverNow() + UNDO_MS, async () => {
      try {
        const { label, question, options, duration_s, settings } = template;
        const again = { label, question, options, duration_s, settings: settings ?? {} };
        await this.api.post(`/campaigns/${campaign.id}/poll-templates`, again);
        await this.load();
      } catch (error) {
        this.toasts.fail(error, "bring the template back");
      }
    });
  }
}

/** The row of starting points at the top of the composer. */
export class Starters {
  constructor(templates, use) {
    this.templates = templates;
    this.use = use;
    this.list = h("ul", { class: "starters" });
    this.root = h("details", { class: "from" }, h("summary", { text: "Start from a template" }), this.list);
    templates.store.onCalm((state) => this.update(state));
  }

  load() {
    this.root.open = false;
    if (this.templates.store.get().templates === null) this.templates.load();
  }

  update({ templates }) {
    if (!visible(this.root, (templates?.length ?? 0) > 0 && !this.root.closest("dialog")?.dataset.editing)) return;
    mirror(this.list, templates, (item) => item.id ?? `builtin:${item.label}`, (item) => this.row(item));
  }

  row(template) {
    let now = template;
    const pick = button("", "plain", () => {
      this.use(now);
      this.root.open = false;
    });
    const own = !template.builtin;
    const remove = own && iconButton("close", "Delete the template", () => this.templates.remove(now));
    return {
      root: h("li", {}, pick, remove),
      update(next) {
        now = next;
        setText(pick, next.label);
        setAttr(pick, "title", `${next.question} — ${next.options.join(" / ")}`);
        if (remove) setAttr(remove, "aria-label", `Delete the template “${next.label}”`);
      },
    };
  }
}

function cut(text) {
  return lengthOf(text) <= LABEL_LENGTH ? text : `${[...text].slice(0, LABEL_LENGTH - 1).join("")}…`;
}
