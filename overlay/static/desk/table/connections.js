// Tab "Tables": the tabletops that send dice, each as a lamp in words, and what can be done with one.

import { button, h, iconButton, mirror, named, setAttr, setData, setText, show as visible } from "../dom.js";
import { Choice, Switch } from "../fields.js";
import { holdButton } from "../hold.js";
import { clock, toMs } from "../time.js";
import { Commands } from "./commands.js";
import { Connect } from "./connect.js";
import { VTT, connectionWords } from "./words.js";

export class Connections {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["connections", "commands"];
    this.commands = new Commands(desk);
    this.connect = new Connect({ ...desk, connections: this });
    this.add = button("Connect a table", "plain small", () => this.connect.open());
    this.list = h("ul", { class: "lamps", "aria-label": "Tables" });
    this.loading = h("p", { class: "hint", text: "Reading the tables…" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "Where do your players roll? " }),
      "Connect Foundry with a code, Beyond20 with a page of ours, or whatever can send a web request; each has its page that says what to paste where. Or try it first without a table."),
    h("div", { class: "row" }, button("Connect a table", "accent", () => this.connect.open()), desk.sample.button()));
    const tables = h("section", { class: "part", "aria-label": "Tables" }, h("div", { class: "part-head" }, h("h3",
      { text: "Tables that send dice" }), this.add),
      this.loading, this.empty, this.list);
    this.root = h("div", { class: "tables-panel" }, tables, this.commands.root);
  }

  update({ table }) {
    this.commands.update({ table });
    const { connections } = table;
    visible(this.loading, connections === null && !table.troubles.connections);
    visible(this.empty, connections?.length === 0);
    visible(this.add, (connections?.length ?? 0) > 0);
    mirror(this.list, connections ?? [], ({ id }) => id, (connection) => this.row(connection));
  }

  row(first) {
    let now = first;
    const provider = h("span", { class: "platform" });
    const name = h("strong", { class: "name", dir: "auto" });
    const world = h("span", { class: "name platform", dir: "auto" });
    const word = h("span", { class: "lamp-word" });
    const facts = h("span", { class: "lamp-facts" });
    const older = h("p", { class: "lamp-help" });
    const help = h("p", { class: "lamp-help" });
    const test = button("Test roll", "plain small", () => this.test(now));
    const how = button("How to", "plain small", () => this.connect.openFor(now));
    const more = iconButton("more", "More", null, { "aria-expanded": "false" });
    const again = button("Let it in again", "accent small", () => this.reauthorize(now));
    const seen = new Choice("Rolls that do not say who may see them", [["gm_only", "Only I"], ["public", "Everybody"]],
      () => this.change(now, { visibility: seen.value }));
    const trusted = new Switch("I trust its signed rolls", "They count as verified. Rolls of a browser never do.", () => this.change(now,
      { is_trusted: trusted.value }));
    const rotate = holdButton("New secrets (hold)", "plain small", () => this.rotate(now));
    const revoke = holdButton("Revoke (hold)", "danger small", () => this.revoke(now));
    const remove = holdButton("Delete (hold)", "danger small", () => this.remove(now));
    const tools = h("div", { class: "table-tools", hidden: true }, seen.root, trusted.root, h("div", { class: "row" }, rotate, revoke, remove));
    more.addEventListener("click", () => more.setAttribute("aria-expanded", String(visible(tools, tools.hidden))));
    seen.root.classList.add("tight");
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, provider, name, world), h("p", {}, word, facts), help, older),
        h("div", { class: "lamp-buttons" }, again, how, test), more, tools);
    return {
      root,
      update(next) {
        now = next;
        const words = connectionWords(next);
        const isActive = next.status === "active";
        const isPaired = next.auth_type === "pairing";
        setData(root, "tone", words.tone);
        setText(provider, VTT[next.provider] ?? next.provider_name);
        setText(name, next.name);
        setText(world, next.world_name && next.world_name !== next.name ? next.world_name : "");
        setText(word, words.word);
        setText(facts, words.facts.length ? ` · ${words.facts.join(" · ")}` : "");
        setText(help, words.help);
        visible(help, words.help);
        const until = toMs(next.older_secrets_until);
        setText(older, isActive && until && until > Date.now() ? `The secrets before these are good until ${clock(until)}.` : "");
        visible(older, older.textContent);
        visible(test, isActive);
        visible(again, !isActive);
        visible(rotate, isActive && !isPaired);
        visible(revoke, isActive);
        visible(trusted.root, !isPaired);
        visible(seen.root, !isPaired);
        seen.value = next.visibility;
        trusted.value = next.is_trusted;
        setAttr(test, "aria-label", `Send a test roll through ${next.name}`);
        setAttr(how, "aria-label", `How ${next.name} is connected`);
        setAttr(more, "aria-label", `More for ${next.name}: who sees its rolls, new secrets, revoke, delete`);
      },
    };
  }

  async test(connection) {
    try {
      await this.api.post(`/vtt-connections/${connection.id}/test-roll`);
      this.toasts.note("Test roll sent", [named(connection.name), " rolled a die that went the whole way, marked TEST. It counts for nobody."]);
      this.data.load("rolls");
    } catch (error) {
      this.toasts.fail(error, "send the test roll");
    }
  }

  async change(connection, changes) {
    this.data.put("connections", { ...connection, ...changes });
    try {
      this.data.put("connections", await this.api.patch(`/vtt-connections/${connection.id}`, changes));
    } catch (error) {
      this.data.put("connections", connection);
      this.toasts.fail(error, "change the table");
    }
  }

  async rotate(connection) {
    try {
      this.reveal(await this.api.post(`/vtt-connections/${connection.id}/rotate`));
    } catch (error) {
      this.toasts.fail(error, "make new secrets");
    }
  }

  async reauthorize(connection) {
    try {
      const made = await this.api.post(`/vtt-connections/${connection.id}/reauthorize`);
      if (connection.auth_type === "pairing") {
        this.data.put("connections", bare(made));
        this.toasts.note([named(connection.name), " may come in again"],
          "Foundry asks by itself every three seconds; there is nothing to pair anew.");
      } else this.reveal(made);
    } catch (error) {
      this.toasts.fail(error, "let the table in again");
    }
  }

  /** New secrets: on the table's own page, where it says what to paste where. */
  reveal(made) {
    const { signing_secret, ingest_token, plain_url } = made;
    this.data.put("connections", bare(made));
    this.connect.openFor(bare(made), { signing_secret, ingest_token, plain_url });
  }

  async revoke(connection) {
    try {
      this.data.put("connections", await this.api.post(`/vtt-connections/${connection.id}/revoke`));
      this.toasts.note([named(connection.name), " is revoked"],
        "Its secrets are worth nothing from now on. Its rolls are kept; let it in again whenever you like.");
    } catch (error) {
      this.toasts.fail(error, "revoke the table");
    }
  }

  async remove(connection) {
    this.data.drop("connections", connection.id);
    try {
      await this.api.delete(`/vtt-connections/${connection.id}`);
      this.toasts.note([named(connection.name), " is deleted"], "Its rolls and characters are kept.");
    } catch (error) {
      this.data.put("connections", connection);
      this.toasts.fail(error, "delete the table");
    }
  }
}

/** Without what is told once. */
function bare({ signing_secret, ingest_token, plain_url, ...connection }) {
  return connection;
}
