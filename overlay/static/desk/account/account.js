// A person's own account: one dialog with ways in, sessions, a copy of everything, and leaving for good.

import { Dialog } from "../dialog.js";
import { button, h, setText, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { unread } from "../toast.js";
import { failure } from "../words.js";
import { PROBLEMS, PROVIDER, wordsOf } from "../../pages/sign_in/words.js";
import { EmailPart } from "./email.js";
import { LeavePart } from "./leave.js";
import { PlacesPart } from "./places.js";
import { WaysPart } from "./ways.js";
import { DONE } from "./words.js";

export class Account {
  /** `left()` is called when the person has left for good. */
  constructor(api, toasts, left) {
    Object.assign(this, { api, toasts });
    this.dialog = new Dialog("Account", { wide: true, onclose: () => this.ways.stop() });
    this.trouble = h("div");
    this.name = new Line("Your name", { maxlength: 64, onkeydown: (event) => {
      if (event.key === "Enter") this.rename();
    } }, "As others in a show see it.");
    this.save = button("Save", "plain", () => this.rename());
    this.old = h("p", { class: "help" }, "You signed in a while ago. For what cannot be undone, ",
      h("a", { href: "/login?again=1", text: "sign in again" }), " first.");
    const reload = () => this.load();
    this.ways = new WaysPart(api, toasts, reload);
    this.email = new EmailPart(api, toasts, reload);
    this.places = new PlacesPart(api, toasts);
    this.leave = new LeavePart(api, toasts, left);
    this.parts = h("div", { class: "account" },
      h("section", { class: "part", "aria-label": "Name" }, this.name.root, h("div", { class: "row" }, this.save)),
      this.old, this.ways.root, this.email.root, this.places.root, this.leave.root);
    this.dialog.body.append(this.trouble, this.parts);
  }

  async open() {
    this.dialog.open(this.name.input);
    await this.load();
  }

  async load() {
    try {
      const [account, offered] = await Promise.all([this.api.get("/account"), this.api.get("/sign-in")]);
      this.trouble.replaceChildren();
      if (document.activeElement !== this.name.input || this.name.value === "") this.name.value = account.name;
      visible(this.old, !account.signed_in_just_now);
      this.ways.update(account, offered);
      this.email.update(account, offered);
      this.leave.update(account);
      visible(this.parts, true);
      await this.places.load();
    } catch (error) {
      visible(this.parts, false);
      this.trouble.replaceChildren(unread(error, "your account", () => this.load()));
    }
  }

  async rename() {
    if (this.name.value === "") {
      this.name.complain("Give yourself a name.");
      return;
    }
    setText(this.save, "Saving…");
    try {
      this.name.value = (await this.api.patch("/account", { name: this.name.value })).name;
      this.toasts.note("Saved", "Others see your new name.");
    } catch (error) {
      const { title, text } = failure(error, "save your name");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Save");
    }
  }

  /**
   * Tells what a provider has answered, when the page was opened by its answer; whether it was. `isQuiet`: all went well is
   * told and no more, the person was elsewhere on the desk.
   */
  tell(fragment, isQuiet = false) {
    const given = new URLSearchParams(fragment.slice(1));
    const word = given.get("sign-in");
    const provider = given.get("provider");
    if (!(word in PROBLEMS) && !(word in DONE)) return false;
    history.replaceState(null, "", location.pathname + location.search);
    if (word in PROBLEMS) {
      const { title, text } = wordsOf(word, provider);
      this.toasts.warn(title, text);
    } else {
      const [title, text] = DONE[word];
      this.toasts.note(title, text.replace("{name}", PROVIDER[provider] ?? "The account"));
    }
    if (word in PROBLEMS || !isQuiet) this.open();
    return true;
  }
}
