// Ways to sign in: accounts elsewhere that are linked, and those that could be.

import { button, h, mirror, setData, setText, show as visible } from "../dom.js";
import { holdButton } from "../hold.js";
import { DeviceLink } from "./device.js";
import { linkedWords } from "./words.js";

export class WaysPart {
  /** `changed()` reads the account anew. */
  constructor(api, toasts, changed) {
    Object.assign(this, { api, toasts, changed });
    this.list = h("ul", { class: "lamps", "aria-label": "Accounts by which you sign in" });
    this.device = new DeviceLink(api, toasts, changed);
    this.owner = h("p", { class: "help", text: "The link that the terminal prints always lets you in, too." });
    this.root = h("section", { class: "part", "aria-label": "Ways to sign in" },
      h("div", { class: "part-head" }, h("h3", { text: "Ways to sign in" })), this.list, this.device.root, this.owner);
  }

  update(account, offered) {
    visible(this.owner, account.is_owner);
    const rows = offered.providers.map((way) => ({
      ...way, linked: account.accounts.find((one) => one.provider === way.provider) ?? null,
    }));
    // One that was linked and is not offered any more can still be unlinked.
    for (const linked of account.accounts) {
      if (!rows.some((row) => row.provider === linked.provider)) {
        rows.push({ provider: linked.provider, name: linked.provider, code: false, device: false, permissions: [], linked });
      }
    }
    visible(this.root, rows.length > 0);
    mirror(this.list, rows, (row) => row.provider, (row) => this.row(row));
  }

  row(first) {
    let now = first;
    const name = h("strong");
    const login = h("span", { class: "name", dir: "auto" });
    const word = h("span", { class: "lamp-word" });
    const link = button("", "plain small", () => this.link(now));
    const code = button("With a code", "plain small", () => this.device.begin(now));
    const unlink = holdButton("Unlink (hold)", "danger small", () => this.unlink(now));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name, login), word), link, code, unlink);
    return {
      root,
      update(next) {
        now = next;
        const { linked } = next;
        setData(root, "tone", linked ? "good" : "off");
        setText(name, next.name);
        setText(login, linked ? linked.name || linked.login || linked.email : "");
        setText(word, linked ? linkedWords(linked) : "not linked");
        setText(link, !linked ? "Link" : next.permissions.length ? "Renew permissions" : "");
        link.setAttribute("aria-label", linked ? `Give Hubbub the permissions that streams need on ${next.name}` : `Link ${next.name}`);
        visible(link, next.code && (!linked || next.permissions.length > 0));
        code.setAttribute("aria-label", `Link ${next.name} with a code that you type on another device`);
        visible(code, next.device && !next.code);
        visible(unlink, linked);
      },
    };
  }

  async link(way) {
    try {
      const { url } = await this.api.post(`/account/accounts/${way.provider}`, { wants: "channel", return_to: "/desk" });
      location.assign(url);
    } catch (error) {
      this.toasts.fail(error, `link ${way.name}`);
    }
  }

  async unlink(way) {
    try {
      await this.api.delete(`/account/accounts/${way.provider}`);
      this.toasts.note(`${way.name} is unlinked`, "Hubbub can do nothing there any more, and you do not sign in by it.");
      await this.changed();
    } catch (error) {
      this.toasts.fail(error, `unlink ${way.name}`);
    }
  }

  stop() {
    this.device.stop();
  }
}
