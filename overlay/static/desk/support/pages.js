// Donation pages: each as a lamp in words, and what can be done with one.

import { button, h, iconButton, mirror, named, setAttr, setData, setText, show as visible } from "../dom.js";
import { holdButton } from "../hold.js";
import { ago, clock, toMs } from "../time.js";
import { Connect, apart } from "./connect.js";
import { SERVICE } from "./words.js";

export class Pages {
  constructor(desk) {
    Object.assign(this, desk);
    this.connect = new Connect(desk, (page) => this.test(page));
    this.add = button("Connect a page", "plain small", () => this.connect.open());
    this.list = h("ul", { class: "lamps", "aria-label": "Donation pages" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "Do viewers give money somewhere? " }),
      "Connect your page on Ko-fi, StreamElements or Streamlabs: each has words here on what to paste where."),
    h("div", { class: "row" }, button("Connect a page", "accent", () => this.connect.open())));
    this.root = h("section", { class: "part", "aria-label": "Donation pages" }, h("div", { class: "part-head" }, h("h3", { text: "Donation pages" }), this.add),
      this.empty, this.list);
  }

  update({ pages }, isAllowed) {
    if (!visible(this.root, isAllowed && pages !== null)) return;
    visible(this.empty, pages.length === 0);
    visible(this.add, pages.length > 0);
    mirror(this.list, pages, ({ id }) => id, (page) => this.row(page));
  }

  row(first) {
    let now = first;
    const service = h("span", { class: "platform" });
    const name = h("strong", { class: "name", dir: "auto" });
    const word = h("span", { class: "lamp-word" });
    const help = h("p", { class: "lamp-help" });
    const how = button("How to", "plain small", () => this.connect.openFor(now));
    const test = button("Test", "plain small", () => this.test(now));
    const more = iconButton("more", "More", null, { "aria-expanded": "false" });
    const again = button("Let it in again", "accent small", () => this.renew(now));
    const rotate = holdButton("New secrets (hold)", "plain small", () => this.renew(now));
    const token = button("Another token", "plain small", () => this.connect.openForToken(now));
    const revoke = holdButton("Revoke (hold)", "danger small", () => this.revoke(now));
    const remove = holdButton("Delete (hold)", "danger small", () => this.remove(now));
    const tools = h("div", { class: "lamp-tools", hidden: true }, rotate, token, revoke, remove);
    more.addEventListener("click", () => more.setAttribute("aria-expanded", String(visible(tools, tools.hidden))));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name, service), h("p", {}, word), help, h("div", { class: "row" }, again, how, test)), more, tools);
    return {
      root,
      update(next) {
        now = next;
        const isActive = next.status === "active";
        const isKofi = next.service === "kofi";
        const heard = toMs(next.heard_at);
        setData(root, "tone", !isActive ? "off" : heard ? "good" : "wait");
        setText(service, SERVICE[next.service]);
        setText(name, next.name);
        setText(word, !isActive ? "revoked: nothing is taken from it" : heard ? `last heard ${ago(heard)}` : "nothing heard yet");
        const until = toMs(next.older_secrets_until);
        setText(help, until && until > Date.now() ? `The ${isKofi ? "token" : "secrets"} before this stays good until ${clock(until)}.` : "");
        visible(help, help.textContent);
        visible(test, isActive);
        visible(again, !isActive);
        visible(rotate, isActive && !isKofi);
        visible(token, isActive && isKofi);
        visible(revoke, isActive);
        setAttr(test, "aria-label", `Send a test donation through ${next.name}`);
        setAttr(how, "aria-label", `How ${next.name} is connected`);
        setAttr(more, "aria-label", `More for ${next.name}: new secrets, revoke, delete`);
      },
    };
  }

  async test(page) {
    try {
      await this.api.post(`/donation-connections/${page.id}/test`);
      this.toasts.note("Test donation sent", [named(page.name), " sent one the whole way, marked TEST. It is counted nowhere."]);
      this.data.nudge();
    } catch (error) {
      this.toasts.fail(error, "send the test donation");
    }
  }

  async renew(page) {
    if (page.service === "kofi") {
      this.connect.openForToken(page);
      return;
    }
    try {
      const [bare, secrets] = apart(await this.api.post(`/donation-connections/${page.id}/rotate`, {}));
      this.data.put(bare);
      this.connect.openFor(bare, secrets);
    } catch (error) {
      this.toasts.fail(error, "make new secrets");
    }
  }

  async revoke(page) {
    try {
      this.data.put(await this.api.post(`/donation-connections/${page.id}/revoke`));
      this.toasts.note([named(page.name), " is revoked"], "Nothing is taken from it any more. What it brought is kept.");
    } catch (error) {
      this.toasts.fail(error, "revoke the page");
    }
  }

  async remove(page) {
    this.data.drop(page.id);
    try {
      await this.api.delete(`/donation-connections/${page.id}`);
      this.toasts.note([named(page.name), " is deleted"], "Its donations are kept.");
    } catch (error) {
      this.data.put(page);
      this.toasts.fail(error, "delete the page");
    }
  }
}
