// "Connect a table": which tabletop, what it is called here, and then its page with what to paste where.

import { Dialog } from "../dialog.js";
import { button, h, named, setText, show as visible } from "../dom.js";
import { Line, Pick } from "../fields.js";
import { failure } from "../words.js";
import { GuideView } from "./guide_view.js";
import { SENDERS, guideOf } from "./guides.js";

export class Connect {
  constructor(desk) {
    Object.assign(this, desk);
    this.guide = new GuideView(desk, (connection) => this.paired(connection));
    this.dialog = new Dialog("Connect a table", { wide: true, onclose: () => this.leave() });
    this.which = new Pick("Where do your players roll?", SENDERS.map(({ system, name }) => [system, name]), () => this.choose());
    this.name = new Line("What is it called here?", { maxlength: 64, class: "name", onkeydown: (event) => {
      if (event.key === "Enter") this.submit();
    } }, "Only you see it.");
    this.done = h("p", { class: "paired", role: "status", hidden: true });
    this.save = button("Make its address and secret", "accent", () => this.submit());
    this.close = button("Done", "plain", () => this.dialog.close());
    this.test = button("Send a test roll", "plain", () => this.connections.test(this.connection));
    this.dialog.body.append(this.which.root, this.name.root, this.done, this.guide.root);
    this.dialog.foot.append(this.save, this.test, this.close);
    this.which.value = SENDERS[0].system;
  }

  get sender() {
    return SENDERS.find(({ system }) => system === this.which.value);
  }

  /** For a new one. */
  open() {
    this.connection = null;
    setText(this.dialog.title, "Connect a table");
    visible(this.which.root, true);
    this.choose();
    this.dialog.open(this.which.select);
  }

  /** The page of one that exists; `secrets` right after they were made. */
  openFor(connection, secrets = null) {
    this.connection = connection;
    this.showFor(secrets);
    this.dialog.open(this.close);
  }

  showFor(secrets) {
    visible(this.which.root, false);
    visible(this.name.root, false);
    visible(this.save, false);
    visible(this.test, this.connection.status === "active");
    visible(this.done, secrets);
    setText(this.done, secrets ? "The address and the secrets below are made. The secrets are shown only now: paste them before you close this." : "");
    this.dialog.title.replaceChildren("How ", named(this.connection.name), " is connected");
    this.guide.draw(guideOf(this.connection), this.connection, secrets);
    this.dialog.body.scrollTop = 0;
  }

  choose() {
    const { sender } = this;
    const isWebhook = sender.way === "webhook";
    visible(this.name.root, isWebhook);
    visible(this.save, isWebhook);
    visible(this.test, false);
    visible(this.done, false);
    this.name.value = isWebhook ? sender.name : "";
    // Before its address exists there is nothing to paste: the page says what will come.
    this.guide.draw(isWebhook ? { ...sender, steps: [] } : sender);
  }

  async submit() {
    if (this.name.value === "") {
      this.name.complain("Give it a name.");
      return;
    }
    const { campaign } = this.store.get();
    setText(this.save, "Making them…");
    try {
      const made = await this.api.post(`/campaigns/${campaign.id}/vtt-connections`, { system: this.sender.system, name: this.name.value });
      const { signing_secret, ingest_token, plain_url, ...connection } = made;
      this.data.put("connections", connection);
      this.connection = connection;
      this.showFor({ signing_secret, ingest_token, plain_url });
      this.close.focus();
    } catch (error) {
      const { title, text } = failure(error, "connect the table");
      this.name.complain(`${title}. ${text}`);
    } finally {
      setText(this.save, "Make its address and secret");
    }
  }

  paired(connection) {
    this.dialog.close();
    this.toasts.note([named(connection.name), " is paired"], "Foundry fetches its key within seconds and connects by itself.");
    this.data.load("connections");
  }

  leave() {
    this.guide.stop();
    // Secrets leave the page with the dialog.
    this.guide.steps.replaceChildren();
    this.data.load("connections");
  }
}
