// The dialog that asks somebody to take part, by the name of their channel.

import { Dialog } from "../dialog.js";
import { button, setText } from "../dom.js";
import { Choice, Line } from "../fields.js";
import { failure } from "../words.js";
import { ROLES } from "./words.js";

export class Invite {
  /** `done()` reads the members anew. */
  constructor(store, api, toasts, done) {
    Object.assign(this, { store, api, toasts, done });
    this.dialog = new Dialog("Invite somebody");
    this.platform = new Choice("Where is their account?", [["twitch", "Twitch"], ["kick", "Kick"]], () => {});
    this.login = new Line("Name, or link to the channel", { maxlength: 200, class: "name", autocapitalize: "none", spellcheck: "false",
      placeholder: "for example: ana_plays", onkeydown: (event) => {
        if (event.key === "Enter") this.submit();
      } }, "They find the invitation when they sign in here with that account. They need not have been here before.");
    this.save = button("Invite", "accent", () => this.submit());
    this.dialog.foot.append(this.save);
    this.platform.value = "twitch";
  }

  open(roles) {
    this.role = new Choice("As what?", roles.map((role) => [role, ...ROLES[role]]), () => {});
    this.role.value = roles.includes("streamer") ? "streamer" : roles[0];
    this.dialog.body.replaceChildren(this.platform.root, this.login.root, this.role.root);
    this.login.value = "";
    this.dialog.open(this.login.input);
  }

  async submit() {
    if (this.login.value === "") {
      this.login.complain("Write whom to invite.");
      return;
    }
    setText(this.save, "Inviting…");
    try {
      const body = { platform: this.platform.value, login: this.login.value, role: this.role.value };
      const made = await this.api.post(`/campaigns/${this.store.get().campaign.id}/members`, body);
      this.dialog.close();
      this.toasts.note(["Invited: ", made.name], "Tell them to sign in here with that account.");
      await this.done();
    } catch (error) {
      const { title, text } = failure(error, "invite them");
      this.login.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Invite");
    }
  }
}
