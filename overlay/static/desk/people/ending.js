// Deleting a show, by its owner: the name is typed first.

import { h, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { holdButton } from "../hold.js";
import { failure } from "../words.js";

export class Ending {
  /** `gone(campaign)` after the show is deleted. */
  constructor(store, api, toasts, gone) {
    Object.assign(this, { store, api, toasts, gone });
    this.word = new Line("Type the name of the show to delete it", { maxlength: 100, autocapitalize: "none" });
    this.root = h("details", { class: "part ending" }, h("summary", { text: "Delete this show" }),
      h("p", { class: "help", text: "Everybody's channels leave it, rewards made for it are taken down, and its polls and rolls are erased. "
        + "This cannot be undone." }),
      this.word.root, h("div", { class: "row" }, holdButton("Delete the show (hold)", "danger small", () => this.end())));
  }

  update(may) {
    visible(this.root, may.includes("own"));
  }

  async end() {
    const { campaign } = this.store.get();
    try {
      await this.api.post(`/campaigns/${campaign.id}/delete`, { name: this.word.value });
      this.word.value = "";
      this.toasts.note("The show is deleted");
      this.gone(campaign);
    } catch (error) {
      const { title, text } = failure(error, "delete the show");
      this.word.complain(`${title}. ${text}`);
    }
  }
}
