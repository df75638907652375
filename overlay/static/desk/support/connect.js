// "Connect a donation page": which service, what it is called here, and then its page with what to paste where.

import { Dialog } from "../dialog.js";
import { button, h, named, setText, show as visible } from "../dom.js";
import { Line, Pick } from "../fields.js";
import { CopyField } from "../table/copy_field.js";
import { failure } from "../words.js";
import { GUIDES } from "./guides.js";

const HIDDEN = "•••••••••";
const MAKE = "Make its address";

export class Connect {
  /** `test(page)` sends a test donation. */
  constructor(desk, test) {
    Object.assign(this, desk);
    this.page = null;
    this.dialog = new Dialog("Connect a donation page", { wide: true, onclose: () => this.leave() });
    const onkeydown = (event) => {
      if (event.key === "Enter" && !event.isComposing) this.submit();
    };
    this.which = new Pick("Where do viewers give?", Object.entries(GUIDES).map(([service, { name }]) => [service, name]), () => this.choose());
    this.name = new Line("What is it called here?", { maxlength: 64, class: "name", onkeydown }, "Only you and your moderators see it.");
    this.token = new Line("Ko-fi's verification token", { maxlength: 128, class: "hush", autocapitalize: "none", spellcheck: "false", onkeydown },
      GUIDES.kofi.makes);
    this.about = h("p", { class: "hint" });
    this.done = h("p", { class: "paired", role: "status", hidden: true });
    this.steps = h("ol", { class: "steps" });
    this.lost = h("p", { class: "hint", text: "Its secrets were shown when they were made. Lost? Make new ones; the old ones stay good for a day." });
    this.local = h("p", { class: "warning", text: "This Hubbub has no https address, so Ko-fi cannot reach it. See “Reachable from other machines” in the operator's guide." });
    this.save = button(MAKE, "accent", () => this.submit());
    this.test = button("Send a test donation", "plain", () => test(this.page));
    this.close = button("Done", "plain", () => this.dialog.close());
    this.dialog.body.append(this.which.root, this.about, this.name.root, this.token.root, this.done, this.local, h("div", { class: "guide" }, this.steps, this.lost));
    this.dialog.foot.append(this.save, this.test, this.close);
  }

  /** For a new one. */
  open() {
    this.page = null;
    this.rotating = false;
    setText(this.dialog.title, "Connect a donation page");
    this.choose();
    this.dialog.open(this.which.select);
  }

  /** The page of one that exists; `secrets` right after they were made. */
  openFor(page, secrets = null) {
    this.page = page;
    this.rotating = false;
    this.showFor(secrets);
    this.dialog.open(this.close);
  }

  /** Ko-fi has made another token, which is typed in here. */
  openForToken(page) {
    this.page = page;
    this.rotating = true;
    this.dialog.title.replaceChildren("Another token for ", named(page.name));
    this.only(this.token.root, this.save);
    setText(this.save, "Use this token");
    this.token.value = "";
    this.dialog.open(this.token.input);
  }

  only(...shown) {
    for (const node of [this.which.root, this.about, this.name.root, this.token.root, this.done, this.local, this.steps, this.lost, this.save, this.test]) {
      visible(node, shown.includes(node));
    }
  }

  choose() {
    const service = this.which.value;
    const isKofi = service === "kofi";
    this.only(this.which.root, this.about, this.name.root, ...(isKofi ? [this.token.root] : []), this.save);
    setText(this.about, GUIDES[service].about);
    setText(this.save, isKofi ? MAKE : `${MAKE} and secrets`);
    this.name.value = GUIDES[service].name;
    this.token.value = "";
  }

  showFor(secrets) {
    const { service, status, webhook_url: url } = this.page;
    const guide = GUIDES[service];
    const isLocal = service === "kofi" && !url.startsWith("https://");
    this.dialog.title.replaceChildren("How ", named(this.page.name), " is connected");
    setText(this.about, guide.about);
    setText(this.done, secrets ? "The address and the secrets below are made. The secrets are shown only now: paste them before you close this." : "");
    this.only(this.about, this.steps, ...(secrets ? [this.done] : []), ...(isLocal ? [this.local] : []), ...(!secrets && service !== "kofi" ? [this.lost] : []),
      ...(status === "active" ? [this.test] : []));
    const nodes = [];
    for (const step of guide.steps) {
      const part = this.part(step, guide, url, secrets);
      if (part === null) nodes.push(h("li", {}, h("p", { text: step })));
      else if (part) nodes.at(-1).append(part);
    }
    this.steps.replaceChildren(...nodes);
    this.dialog.body.scrollTop = 0;
  }

  /** Something to copy; null for a sentence, undefined where it is not known any more. */
  part(step, guide, url, secrets) {
    const field = (label, value, shown = value, isSecret = false) => {
      const copy = new CopyField(this.toasts, label, isSecret);
      copy.set(value, shown);
      return copy.root;
    };
    switch (step) {
      case "url": return field("Webhook URL", url);
      case "plain": return secrets ? field("Address, with its secret", secrets.plain_url, undefined, true) : undefined;
      case "signing": return secrets ? field("Signing secret", secrets.signing_secret, undefined, true) : undefined;
      case "snippet": return secrets ? field("To paste", guide.snippet(url, secrets.token), guide.snippet(url, HIDDEN)) : field("To paste", guide.snippet(url, "YOUR TOKEN"));
      default: return null;
    }
  }

  async submit() {
    const { campaign } = this.store.get();
    const token = this.token.value;
    const service = this.page?.service ?? this.which.value;
    if (!this.page && this.name.value === "") return this.name.complain("Give it a name.");
    if (service === "kofi" && token === "") return this.token.complain("Paste the token from Ko-fi's page, so that nobody else can send donations.");
    const words = this.save.textContent;
    const body = service === "kofi" ? { verification_token: token } : {};
    setText(this.save, "Making it…");
    try {
      const made = this.page ? await this.api.post(`/donation-connections/${this.page.id}/rotate`, body)
        : await this.api.post(`/campaigns/${campaign.id}/donation-connections`, { service, name: this.name.value, ...body });
      const [page, secrets] = apart(made);
      this.data.put(page);
      this.page = page;
      if (this.rotating) {
        this.dialog.close();
        this.toasts.note("The new token counts", "The one before stays good for a day.");
        return undefined;
      }
      this.showFor(secrets);
      this.close.focus();
    } catch (error) {
      const { title, text } = failure(error, "connect the page");
      (service === "kofi" ? this.token : this.name).complain(`${title}. ${text}`);
    } finally {
      if (!this.save.hidden) setText(this.save, words);
    }
    return undefined;
  }

  leave() {
    // Secrets leave the page with the dialog.
    this.steps.replaceChildren();
    this.token.value = "";
    if (this.store.get().campaign) this.data.load("pages");
  }
}

/** A page, and what is told of it once: null for Ko-fi, which has its own. */
export function apart({ signing_secret, token, plain_url, ...page }) {
  return [page, token === null ? null : { signing_secret, token, plain_url }];
}
