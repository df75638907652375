// Zone "People": who takes part in the show, who is ready and why not, and your own part in it.

import { h, setData, setText, show as visible } from "../dom.js";
import { unread } from "../toast.js";
import { Ending } from "./ending.js";
import { Invitations } from "./invitations.js";
import { Invite } from "./invite.js";
import { Members } from "./members.js";
import { OwnPart } from "./own.js";

const LOOK_EVERY_MS = 3000; // while it is open: somebody else's consent is seen soon

export class People {
  /** `gone(campaign)`: the show is not yours any more. `accepted(id)`: a new one is. */
  constructor({ store, api, toasts, fixes, gone, accepted }) {
    Object.assign(this, { store, api });
    const changed = () => this.load();
    this.invitations = new Invitations(api, toasts, accepted, changed);
    this.own = new OwnPart(store, api, toasts, fixes, changed, gone);
    this.members = new Members(api, toasts, fixes, new Invite(store, api, toasts, changed), changed);
    this.ending = new Ending(store, api, toasts, gone);
    this.trouble = h("div", { class: "people-trouble" });
    this.summary = h("p", { class: "people-summary" });
    this.parts = h("div", { class: "people-parts" }, this.own.root, this.members.root, this.ending.root);
    this.root = h("section", { class: "zone people", "aria-labelledby": "zone-people", hidden: true },
      h("div", { class: "zone-head" }, h("h2", { id: "zone-people", text: "People" }), this.summary),
      h("div", { class: "zone-body" }, this.trouble, this.invitations.root, this.parts));
    setInterval(() => {
      if (!document.hidden && this.store.get().view === "people" && !this.store.get().signedOut) this.load();
    }, LOOK_EVERY_MS);
  }

  open() {
    this.store.set({ view: "people" });
    this.load();
  }

  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    const show = `/campaigns/${campaign.id}`;
    try {
      // The list of members says what your role allows; without a part in the show there are no consents.
      const listed = await this.api.get(`${show}/members?limit=100`);
      if (listed.next) listed.items.push(...await this.api.all(`${show}/members?limit=100&cursor=${listed.next}`, 1));
      const [readiness, consents, invitations] = await Promise.all([
        this.api.get(`${show}/readiness`),
        listed.may.includes("take_part") && listed.items.some((member) => member.is_you) ? this.api.get(`${show}/consents`) : null,
        this.api.all("/invitations"),
      ]);
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.trouble.replaceChildren();
      this.store.set({
        people: { members: listed.items, may: listed.may, mayInvite: listed.may_invite, readiness, consents, invitations },
      });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "who takes part", () => this.load()));
    }
  }

  update({ view, people, campaign }) {
    if (!visible(this.root, view === "people" && campaign)) return;
    this.invitations.update(people.invitations);
    if (!visible(this.parts, people.members !== null)) return;
    const mine = people.members.find((member) => member.is_you) ?? null;
    const ready = people.readiness?.streamers.find((one) => one.is_you) ?? null;
    this.own.update({ mine, ready, consents: people.consents });
    this.members.update(people);
    this.ending.update(people.may);
    const { ready_count: count = 0, total_count: total = 0, all_ready: all = false } = people.readiness ?? {};
    setText(this.summary, total ? `${count} of ${total} ready` : "no streamers yet");
    setData(this.summary, "tone", all ? "good" : "wait");
  }
}
