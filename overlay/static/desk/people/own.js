// Your own part in a show: what Hubbub may do on your channels and until when, what stands in the way, leaving.

import { button, h, mirror, setText, show as visible } from "../dom.js";
import { Switch } from "../fields.js";
import { holdButton } from "../hold.js";
import { Issues } from "./issues.js";
import { CAPABILITY, ROLES, moment } from "./words.js";

export class OwnPart {
  /** `changed()` reads everything anew; `left()` after you have left. */
  constructor(store, api, toasts, fixes, changed, left) {
    Object.assign(this, { store, api, toasts, changed, left });
    this.role = h("span", { class: "tag" });
    this.reminder = h("div", { class: "teach waits", hidden: true },
      h("p", {}, h("strong", { text: "The show waits for you. " }), "What stands in the way is below."),
      button("I have seen it", "plain small", () => this.seen()));
    this.words = h("p", { class: "help" });
    this.list = h("div", { class: "consents", role: "group", "aria-label": "What Hubbub may do on your channels" });
    this.issues = new Issues(fixes);
    this.leave = holdButton("Leave the show (hold)", "danger small", () => this.go());
    this.root = h("section", { class: "part", "aria-label": "You" },
      h("div", { class: "part-head" }, h("h3", { text: "You" }), this.role), this.reminder, this.issues.root, this.words, this.list,
      h("div", { class: "row" }, this.leave));
  }

  update({ mine, ready, consents }) {
    visible(this.root, mine);
    if (!mine) return;
    const [name, what] = ROLES[mine.role] ?? [mine.role, ""];
    setText(this.role, name);
    visible(this.reminder, ready?.reminded_at);
    this.issues.update(ready?.issues ?? []);
    const needed = consents?.needed ?? false;
    setText(this.words, needed ? "Hubbub does nothing on your channels but what you switch on here. It ends by itself." : what);
    visible(this.list, needed);
    mirror(this.list, needed ? consents.items : [], (item) => item.capability, (item) => this.row(item));
    visible(this.leave, mine.role !== "owner");
  }

  row(first) {
    let now = first;
    const until = h("small", { class: "consent-until" });
    const control = new Switch(CAPABILITY[first.capability] ?? first.capability, `Hubbub may ${first.words}.`, () => this.set(now, control));
    control.root.querySelector(".switch-words").append(until);
    return {
      root: control.root,
      update: (next) => {
        now = next;
        if (!this.busy) control.value = next.is_good;
        setText(until, next.is_good ? `Good until ${moment(next.expires_at)}.` : next.expires_at ? "Has run out." : "");
      },
    };
  }

  async set(item, control) {
    const { campaign } = this.store.get();
    const wants = control.value;
    this.busy = true;
    try {
      await this.api.post(`/campaigns/${campaign.id}/consents${wants ? "" : "/take-back"}`, { capabilities: [item.capability] });
    } catch (error) {
      this.toasts.fail(error, wants ? "agree to that" : "take that back");
    } finally {
      this.busy = false;
      await this.changed();
    }
  }

  async seen() {
    try {
      await this.api.post(`/campaigns/${this.store.get().campaign.id}/reminder/seen`);
      await this.changed();
    } catch (error) {
      this.toasts.fail(error, "put the reminder away");
    }
  }

  async go() {
    const { campaign } = this.store.get();
    try {
      await this.api.post(`/campaigns/${campaign.id}/leave`);
      this.toasts.note("You have left the show", "Your channels left with you, and rewards made for it are taken down.");
      this.left(campaign);
    } catch (error) {
      this.toasts.fail(error, "leave the show");
    }
  }
}
