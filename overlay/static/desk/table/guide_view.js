// The page of one tabletop: its steps, with what to copy in their midst, and the code that is typed here or there.

import { button, h, setData, setText, show as visible } from "../dom.js";
import { Line } from "../fields.js";
import { left, serverNow, toMs } from "../time.js";
import { failure } from "../words.js";
import { CopyField } from "./copy_field.js";
import { foundryConsole, snippet } from "./guides.js";

const CODE = /^[A-HJ-NP-Z2-9]{6}$/; // no I, O, 0, 1: nobody can mistake them
const HIDDEN = "•••••••••";

/** `ABC-123` from anything a thumb makes of it: lower case, blanks, dashes of all lengths. */
export function codeOf(text) {
  return text.toUpperCase().replace(/[\s\-\u2010-\u2015_.]/g, "");
}

export class GuideView {
  /** `paired(connection)` is called when a code was right. */
  constructor(desk, paired) {
    Object.assign(this, desk, { paired });
    this.about = h("p", { class: "hint" });
    this.steps = h("ol", { class: "steps" });
    this.lost = h("p", { class: "hint", text: "Its secrets were shown when they were made. Lost? Make new ones; the old ones stay good for a day." });
    this.entry = h("div"); // for the code: what is typed comes first, how to get it follows
    this.root = h("div", { class: "guide" }, this.about, this.entry, this.steps, this.lost);
    this.timer = 0;
  }

  /** `sender` of guides.js; `connection` and `secrets` where they exist already. */
  draw(sender, connection = null, secrets = null) {
    this.stop();
    setText(this.about, sender.about);
    const needsSecret = sender.steps.some((step) => ["token", "plain", "signing", "snippet"].includes(step));
    visible(this.lost, connection && !secrets && needsSecret);
    const nodes = [];
    for (const step of sender.steps) {
      const part = this.part(step, sender, connection, secrets);
      if (part === null) nodes.push(h("li", {}, h("p", { text: step })));
      else if (part) (nodes.at(-1) ?? h("li")).append(part);
    }
    this.entry.replaceChildren(...(sender.way === "code" && !connection ? [this.codeField()] : []));
    if (sender.way === "offer") nodes[0].append(this.offer(sender));
    this.steps.replaceChildren(...nodes);
  }

  /** Something to copy; null for a sentence, undefined where it is not known. */
  part(step, sender, connection, secrets) {
    const field = (label, value, shown = value, isSecret = false) => {
      const copy = new CopyField(this.toasts, label, isSecret);
      copy.set(value, shown);
      return copy.root;
    };
    const url = connection?.webhook_url ?? "";
    switch (step) {
      case "console": return field("For Foundry's console", foundryConsole(location.origin));
      case "page": return field("The page for Beyond20", `${location.origin}/beyond20`);
      case "plain": return secrets?.plain_url ? field("Address, with its secret", secrets.plain_url, undefined, true) : undefined;
      case "signing": return secrets ? field("Signing secret", secrets.signing_secret, undefined, true) : undefined;
      case "snippet": return secrets ? field("To paste into a script", snippet(url, secrets.ingest_token), snippet(url, HIDDEN))
        : connection ? field("To paste into a script", snippet(url, "YOUR TOKEN")) : undefined;
      case "offer": return this.offer(sender);
      default: return null;
    }
  }

  // -- a code that is typed here ----

  codeField() {
    this.code = new Line("The code that Foundry shows", { maxlength: 12, class: "code-input", placeholder: "ABC-123", autocapitalize: "characters",
      spellcheck: "false", enterkeyhint: "go", onkeydown: (event) => {
        if (event.key === "Enter" && !event.isComposing) this.confirm();
      } });
    this.pair = button("Pair", "accent", () => this.confirm());
    return h("div", { class: "code-box" }, h("div", { class: "code-line" }, this.code.root, this.pair), this.code.wrong);
  }

  async confirm() {
    const code = codeOf(this.code.value);
    if (!CODE.test(code)) {
      this.code.complain("Six letters and digits, as Foundry shows them: ABC-123. There is no I, O, 0 or 1 in it.");
      return;
    }
    const { campaign } = this.store.get();
    this.code.complain("");
    setText(this.pair, "Pairing…");
    try {
      const connection = await this.api.post(`/campaigns/${campaign.id}/vtt-pairings`, { code: `${code.slice(0, 3)}-${code.slice(3)}` });
      this.data.put("connections", connection);
      this.paired(connection);
    } catch (error) {
      if (error.status === 404) this.code.complain("No table waits with this code. It may be older than five minutes: start pairing in Foundry again. Nothing was changed.");
      else {
        const { title, text } = failure(error, "pair");
        this.code.complain(`${title}. ${text}`);
      }
    } finally {
      setText(this.pair, "Pair");
    }
  }

  // -- a code that is shown here ----

  offer(sender) {
    const code = h("output", { class: "offer-code hush" });
    const clock = h("span", { class: "offer-clock" });
    const ask = button("Show a code", "accent small", () => this.askForCode(sender, { code, clock, ask, shown }));
    const shown = h("div", { class: "offer-shown", hidden: true }, code, clock);
    return h("div", { class: "offer" }, shown, ask);
  }

  async askForCode(sender, parts) {
    const { campaign } = this.store.get();
    setText(parts.ask, "Making a code…");
    try {
      const offer = await this.api.post(`/campaigns/${campaign.id}/vtt-pairings/offer`, { system: sender.system, name: sender.name });
      setText(parts.code, offer.code);
      this.count(parts, toMs(offer.expires_at));
    } catch (error) {
      setText(parts.clock, "");
      this.toasts.fail(error, "make a code");
    } finally {
      setText(parts.ask, "Show another code");
    }
  }

  count(parts, until) {
    clearInterval(this.timer);
    visible(parts.shown, true);
    const known = new Set((this.data.table.connections ?? []).map(({ id }) => id));
    let beats = 0;
    const tick = async () => {
      const remaining = until - serverNow();
      setData(parts.code, "over", remaining <= 0);
      setText(parts.clock, remaining > 0 ? `good for ${left(remaining)}, once` : "over: show another one");
      if (remaining <= 0) clearInterval(this.timer);
      beats += 1;
      if (beats % 6) return;
      await this.data.load("connections");
      const fresh = (this.data.table.connections ?? []).find(({ id }) => !known.has(id));
      if (!fresh || !parts.code.isConnected) return;
      clearInterval(this.timer);
      setData(parts.code, "over", true);
      setText(parts.clock, "typed and taken ✓ Each further player needs a code of their own.");
    };
    this.timer = setInterval(tick, 500);
    tick();
  }

  stop() {
    clearInterval(this.timer);
  }
}
