// Where a person is signed in, and an end to it.

import { button, h, mirror, setData, setText, show as visible } from "../dom.js";
import { holdButton } from "../hold.js";
import { unread } from "../toast.js";
import { browserWords, placeWords } from "./words.js";

export class PlacesPart {
  constructor(api, toasts) {
    Object.assign(this, { api, toasts });
    this.list = h("ul", { class: "lamps", "aria-label": "Where you are signed in" });
    this.trouble = h("div");
    this.others = holdButton("Sign out everywhere else (hold)", "danger small", () => this.endOthers());
    this.root = h("section", { class: "part", "aria-label": "Where you are signed in" },
      h("div", { class: "part-head" }, h("h3", { text: "Where you are signed in" })), this.trouble, this.list,
      h("p", { class: "help", text: "A sign-in ends by itself after 12 hours without use, and after 7 days." }),
      h("div", { class: "row" }, this.others));
  }

  async load() {
    try {
      const places = await this.api.all("/sessions");
      this.trouble.replaceChildren();
      visible(this.others, places.length > 1);
      mirror(this.list, places, (place) => place.id, (place) => this.row(place));
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "where you are signed in", () => this.load()));
    }
  }

  row(place) {
    const name = h("strong");
    const word = h("span", { class: "lamp-word" });
    const end = button("Sign out", "plain small", () => this.end(place));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name), word), end);
    return {
      root,
      update(next) {
        setData(root, "tone", next.current ? "good" : "off");
        setText(name, browserWords(next.user_agent));
        setText(word, placeWords(next));
        end.setAttribute("aria-label", `Sign out ${browserWords(next.user_agent)}, ${placeWords(next)}`);
        visible(end, !next.current);
      },
    };
  }

  async end(place) {
    try {
      await this.api.delete(`/sessions/${place.id}`);
      this.toasts.note("Signed out", "That browser has to sign in again.");
      await this.load();
    } catch (error) {
      this.toasts.fail(error, "sign it out");
    }
  }

  async endOthers() {
    try {
      await this.api.delete("/sessions");
      this.toasts.note("Signed out everywhere else", "This browser stays signed in.");
      await this.load();
    } catch (error) {
      this.toasts.fail(error, "sign out everywhere else");
    }
  }
}
