// Invitations to you: accept one, or say no.

import { button, h, mirror, setText, show as visible } from "../dom.js";
import { PLATFORM } from "../words.js";
import { ROLES } from "./words.js";

export class Invitations {
  /** `accepted(campaignId)` after you have said yes; `changed()` after no. */
  constructor(api, toasts, accepted, changed) {
    Object.assign(this, { api, toasts, accepted, changed });
    this.list = h("ul", { class: "lamps", "aria-label": "Invitations" });
    this.root = h("section", { class: "part", "aria-label": "Invitations to you", hidden: true },
      h("div", { class: "part-head" }, h("h3", { text: "You are invited" })), this.list);
  }

  update(invitations) {
    visible(this.root, invitations.length);
    mirror(this.list, invitations, (one) => one.id, (one) => this.row(one));
  }

  row(one) {
    const name = h("strong", { dir: "auto" });
    const words = h("p", { class: "lamp-help name", dir: "auto" });
    const root = h("li", { class: "lamp invitation", "data-tone": "wait" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name), words),
      h("div", { class: "lamp-tools" }, button("Accept", "accent small", () => this.answer(one, "accept")),
        button("Decline", "plain small", () => this.answer(one, "decline"))));
    return {
      root,
      update(next) {
        setText(name, next.campaign_name);
        const role = (ROLES[next.role]?.[0] ?? next.role).toLowerCase();
        setText(words, `${next.invited_by || "Somebody"} asks ${next.login} (${PLATFORM[next.platform] ?? next.platform}) to take part as ${role}.`);
      },
    };
  }

  async answer(one, verb) {
    try {
      await this.api.post(`/invitations/${one.id}/${verb}`);
      if (verb === "accept") {
        this.toasts.note("You take part", "Now say under People what Hubbub may do on your channel.");
        await this.accepted(one.campaign_id);
      } else await this.changed();
    } catch (error) {
      this.toasts.fail(error, `${verb} the invitation`);
    }
  }
}
