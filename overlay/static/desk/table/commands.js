// Below the tables: what they were told to do, how each stands, and why where it was not done.

import { button, h, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { ago, clock, toMs } from "../time.js";
import { COMMAND, COMMAND_STATE } from "./words.js";

export class Commands {
  constructor(desk) {
    Object.assign(this, desk);
    this.list = h("ul", { class: "lamps", "aria-label": "What tables were told" });
    this.root = h("section", { class: "part", "aria-label": "What tables were told" }, h("div", { class: "part-head" }, h("h3",
      { text: "What tables were told" })), h("p", { class: "hint", text: "The newest twenty. Each is told once at most, as soon as a browser of the table is there." }), this.list);
  }

  update({ table }) {
    const { commands, connections } = table;
    visible(this.root, commands?.length);
    const names = new Map((connections ?? []).map(({ id, name }) => [id, name]));
    mirror(this.list, (commands ?? []).map((command) => ({ command, table: names.get(command.connection_id) ?? "a table that is gone" })),
      ({ command }) => command.id, ({ command }) => this.row(command));
  }

  row(first) {
    let now = first;
    const what = h("strong");
    const where = h("span", { class: "name platform", dir: "auto" });
    const word = h("span", { class: "lamp-word" });
    const facts = h("span", { class: "lamp-facts" });
    const help = h("p", { class: "lamp-help", dir: "auto" });
    const again = button("Tell it again", "plain small", () => this.retry(now));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }), h("div", { class: "lamp-words" },
      h("p", { class: "lamp-line" }, what, where), h("p", {}, word, facts), help), h("div", { class: "lamp-buttons" }, again));
    return {
      root,
      update: ({ command, table }) => {
        now = command;
        const [tone, text] = COMMAND_STATE[command.state];
        setData(root, "tone", tone);
        setText(what, COMMAND[command.kind] ?? command.kind);
        setText(where, table);
        setText(word, text);
        setText(facts, ` · ${fact(command)}`);
        const why = command.reason || (command.report ? `The table says: ${command.report}.` : "");
        setText(help, why);
        visible(help, why);
        visible(again, command.state === "dead" || command.state === "needs_person");
        setAttr(again, "aria-label", `Tell ${table} again: ${what.textContent}`);
      },
    };
  }

  async retry(command) {
    try {
      this.data.put("commands", await this.api.post(`/vtt-commands/${command.id}/retry`));
    } catch (error) {
      this.toasts.fail(error, "tell the table again");
    }
  }
}

function fact({ state, created_at, expires_at, told_at }) {
  if (state === "waiting") return `ordered ${ago(toMs(created_at))}, until ${clock(toMs(expires_at))}`;
  return told_at ? `told ${ago(toMs(told_at))}` : `ordered ${ago(toMs(created_at))}`;
}
