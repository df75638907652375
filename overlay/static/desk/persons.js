// Viewers whose two accounts are one person, as this show has met them; a link that looks like a mistake is undone here.

import { Dialog } from "./dialog.js";
import { button, h, mirror, setData, setText, show as visible } from "./dom.js";
import { ago } from "./time.js";
import { unread } from "./toast.js";
import { PLATFORM } from "./words.js";

export class Persons {
  constructor(store, api, toasts) {
    Object.assign(this, { store, api, toasts });
    this.dialog = new Dialog("Linked viewers");
    this.list = h("ul", { class: "lamps", "aria-label": "Viewers with two accounts" });
    this.empty = h("p", { class: "help", text: "Nobody yet. Who votes with both accounts in a poll that counts people stands here." });
    this.trouble = h("div");
    this.dialog.body.append(
      h("p", { class: "help" }, "Viewers link their Twitch and Kick accounts at ", h("strong", { text: `${location.host}/me` }),
        " by signing in to both. If a link is a mistake, count the accounts apart: only in this show, and only until you undo it."),
      this.trouble, this.empty, this.list);
    visible(this.dialog.foot, false);
  }

  async open() {
    this.dialog.open();
    await this.load();
  }

  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const persons = await this.api.all(`/campaigns/${campaign.id}/persons`);
      this.trouble.replaceChildren();
      visible(this.empty, persons.length === 0);
      mirror(this.list, persons, (person) => person.id, (person) => this.row(person));
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "linked viewers", () => this.load()));
    }
  }

  row(first) {
    let now = first;
    const names = h("div", { class: "lamp-words" });
    const word = h("span", { class: "lamp-word" });
    const act = button("", "plain small", () => this.turn(now, act));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }), names, act);
    return {
      root,
      update(next) {
        now = next;
        setData(root, "tone", next.split_at ? "off" : "good");
        names.replaceChildren(...next.accounts.map((one) => h("p", { class: "lamp-line" },
          h("strong", { class: "name", dir: "auto", text: one.name }), h("span", { class: "name", text: PLATFORM[one.platform] ?? one.platform }))),
        word);
        setText(word, next.split_at ? `counted apart in this show since ${ago(Date.parse(next.split_at))}` : "one vote together");
        setText(act, next.split_at ? "Undo" : "Count apart");
        act.setAttribute("aria-label", `${next.split_at ? "Count together again" : "Count apart"}: ${next.accounts.map((one) => one.name).join(" and ")}`);
      },
    };
  }

  async turn(person, control) {
    const { campaign } = this.store.get();
    const verb = person.split_at ? "rejoin" : "split";
    setText(control, "Counting…");
    try {
      await this.api.post(`/campaigns/${campaign.id}/persons/${person.id}/${verb}`);
      this.toasts.note(verb === "split" ? "Counted apart" : "One vote again", "A poll that runs was counted anew.");
    } catch (error) {
      this.toasts.fail(error, verb === "split" ? "count them apart" : "count them together");
    }
    await this.load();
  }
}
