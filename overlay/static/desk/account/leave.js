// A copy of everything that is kept about a person, and leaving for good.

import { h, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { holdButton } from "../hold.js";
import { failure } from "../words.js";

export class LeavePart {
  /** `left()` is called when nothing of the person is here any more. */
  constructor(api, toasts, left) {
    Object.assign(this, { api, toasts, left });
    this.word = new Line("Type “erase” to leave for good", { maxlength: 10, autocapitalize: "none" });
    this.erase = holdButton("Leave for good (hold)", "danger", () => this.leave());
    this.owner = h("p", { class: "help", text: "You own this installation. To leave, delete its data directory or its database." });
    this.others = h("div", { class: "part" },
      h("p", { class: "help", text: "Your name, your address, linked accounts and permissions are gone at once. Shows that you run go to another "
        + "game master of theirs, or lose their name. Votes stay, under a pseudonym. This cannot be undone." }),
      this.word.root, h("div", { class: "row" }, this.erase));
    this.root = h("section", { class: "part", "aria-label": "Your data" },
      h("div", { class: "part-head" }, h("h3", { text: "Your data" })),
      h("p", {}, h("a", { class: "button plain", href: "/api/v1/account/export", download: "hubbub-account.json",
        text: "Take a copy of everything" })),
      this.owner, this.others);
  }

  update(account) {
    visible(this.owner, account.is_owner);
    visible(this.others, !account.is_owner);
  }

  async leave() {
    if (this.word.value.toLowerCase() !== "erase") {
      this.word.complain("Type the word first.");
      this.word.input.focus();
      return;
    }
    try {
      await this.api.post("/account/erase", { confirm: "erase" });
      this.left();
    } catch (error) {
      const { title, text } = failure(error, "leave");
      this.word.complain(`${title}. ${text}`);
    }
  }
}
