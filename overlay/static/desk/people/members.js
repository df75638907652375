// Everybody who takes part: role, whether they are ready, why not, a reminder, and sending away.

import { button, h, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { Pick } from "../fields.js";
import { holdButton } from "../hold.js";
import { Issues } from "./issues.js";
import { ROLES, invitedAs, standing } from "./words.js";

const GIVEN = ["game_master", "moderator", "streamer", "read_only"];

export class Members {
  constructor(api, toasts, fixes, invite, changed) {
    Object.assign(this, { api, toasts, fixes, changed });
    this.add = button("Invite", "plain small", () => invite.open(this.mayInvite));
    this.list = h("ul", { class: "lamps members", "aria-label": "Members" });
    this.root = h("section", { class: "part", "aria-label": "Who takes part" },
      h("div", { class: "part-head" }, h("h3", { text: "Who takes part" }), this.add), this.list);
    this.mayInvite = [];
  }

  update({ members, readiness, may, mayInvite }) {
    this.mayInvite = mayInvite;
    visible(this.add, mayInvite.length);
    const ready = new Map((readiness?.streamers ?? []).map((one) => [one.member_id, one]));
    const rights = { gives: may.includes("own"), reminds: may.includes("moderate") };
    mirror(this.list, members.map((member) => ({ member, ready: ready.get(member.id) ?? null, rights })), ({ member }) => member.id,
      (first) => this.row(first));
  }

  row(first) {
    let now = first.member;
    const name = h("strong", { class: "name", dir: "auto" });
    const role = h("span", { class: "tag" });
    const account = h("span", { class: "platform name", dir: "auto" });
    const word = h("p", { class: "lamp-word" });
    const issues = new Issues(this.fixes);
    const pick = new Pick("Role", GIVEN.map((value) => [value, ROLES[value][0]]), () => this.setRole(now, pick));
    const remind = button("Remind", "plain small", () => this.remind(now));
    const remove = holdButton("Send away (hold)", "danger small", () => this.remove(now));
    const withdraw = button("Withdraw the invitation", "plain small", () => this.remove(now));
    const tools = h("div", { class: "lamp-tools" }, pick.root, remind, withdraw, remove);
    const root = h("li", { class: "lamp member" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name, role, account), word), issues.root, tools);
    return {
      root,
      update: ({ member, ready, rights }) => {
        now = member;
        const { tone, word: words } = standing(member, ready);
        setData(root, "tone", tone);
        setText(name, member.name);
        setText(role, member.is_you ? `${ROLES[member.role][0]}: you` : ROLES[member.role][0]);
        setText(account, invitedAs(member));
        setText(word, words);
        // Your own stand above, under "You".
        issues.update(member.is_you || member.status === "pending" ? [] : ready?.issues ?? []);
        const gives = rights.gives && member.may_remove && member.status === "active";
        visible(pick.root, gives);
        if (document.activeElement !== pick.select) pick.value = member.role;
        setAttr(pick.select, "aria-label", `Role of ${member.name}`);
        // Where an issue has a button for it there is no second one.
        const has = (ready?.issues ?? []).some((issue) => issue.button?.do === "remind");
        const asks = rights.reminds && !member.is_you && member.status === "active" && ready && !ready.ready && !has;
        visible(remind, asks);
        visible(withdraw, member.may_remove && member.status === "pending");
        visible(remove, member.may_remove && member.status === "active");
        visible(tools, gives || asks || member.may_remove);
      },
    };
  }

  async setRole(member, pick) {
    await this.write(() => this.api.patch(`/members/${member.id}`, { role: pick.value }), "change the role", ["The role is changed"]);
  }

  async remind(member) {
    await this.write(() => this.api.post(`/members/${member.id}/remind`), "remind them", ["Reminded", "Their desk says that the show waits for them."]);
  }

  async remove(member) {
    const done = member.status === "pending" ? ["The invitation is withdrawn"]
      : ["They are sent away", "Their channels left the show, and rewards made on them are taken down."];
    await this.write(() => this.api.delete(`/members/${member.id}`), "send them away", done);
  }

  async write(call, doing, done) {
    try {
      await call();
      this.toasts.note(...done);
    } catch (error) {
      this.toasts.fail(error, doing);
    }
    await this.changed();
  }
}
