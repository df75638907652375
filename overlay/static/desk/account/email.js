// An address that is proven, and a password for it, where people sign in by e-mail here.

import { button, h, setText, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { failure } from "../words.js";

export class EmailPart {
  constructor(api, toasts, changed) {
    Object.assign(this, { api, toasts, changed });
    this.state = h("p", { class: "help" });
    this.address = new Line("E-mail", { type: "email", maxlength: 254, autocomplete: "email", class: "name", onkeydown: (event) => {
      if (event.key === "Enter") this.ask();
    } }, "A letter comes to it. Open its link in this browser.");
    this.send = button("Send the letter", "plain", () => this.ask());
    this.password = new Line("New password", { type: "password", maxlength: 512, autocomplete: "new-password", onkeydown: (event) => {
      if (event.key === "Enter") this.choose();
    } }, "8 to 128 characters. All other sign-ins of yours end with that.");
    this.save = button("Save the password", "plain", () => this.choose());
    this.secret = h("div", { class: "part" }, this.password.root, h("div", { class: "row" }, this.save));
    this.root = h("section", { class: "part", "aria-label": "E-mail and password" },
      h("div", { class: "part-head" }, h("h3", { text: "E-mail and password" })), this.state,
      this.address.root, h("div", { class: "row" }, this.send), this.secret);
  }

  update(account, offered) {
    visible(this.root, offered.email);
    const words = !account.email ? "No address yet: confirm one, then choose a password."
      : account.has_password ? "You can sign in with this address and your password." : "The address is confirmed. Choose a password to sign in with it.";
    setText(this.state, words);
    if (document.activeElement !== this.address.input && account.email) this.address.value = account.email;
    visible(this.secret, account.email);
  }

  async ask() {
    await this.busy(this.send, "Sending…", this.address, "send the letter", async () => {
      await this.api.post("/account/email", { email: this.address.value });
      this.toasts.note("A letter is on its way", "Open the link in it in this browser, within a day.");
    });
  }

  async choose() {
    await this.busy(this.save, "Saving…", this.password, "save the password", async () => {
      await this.api.post("/account/password", { password: this.password.input.value });
      this.password.value = "";
      this.toasts.note("The password is saved", "All your other sign-ins have ended.");
      await this.changed();
    });
  }

  async busy(control, words, line, doing, work) {
    const label = control.textContent;
    line.complain("");
    setText(control, words);
    try {
      await work();
    } catch (error) {
      const { title, text } = failure(error, doing);
      line.complain(`${title}. ${text}`);
    } finally {
      setText(control, label);
    }
  }
}
