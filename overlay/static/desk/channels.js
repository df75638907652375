// The chats that take part: a lamp in words for each, adding one without any login, taking one out with a way back.

import { Dialog } from "./dialog.js";
import { button, h, iconButton, mirror, setAttr, setData, setText, show as visible } from "./dom.js";
import { Choice, Line } from "./fields.js";
import { serverNow } from "./time.js";
import { unread } from "./toast.js";
import { PLATFORM, SCRIPTED, channelWords, failure } from "./words.js";

const UNDO_MS = 10000;

export class Channels {
  constructor(store, api, toasts, ways) {
    Object.assign(this, { store, api, toasts });
    this.list = h("ul", { class: "lamps", "aria-label": "Channels" });
    this.trouble = h("div");
    this.empty = h("div", { class: "teach" },
      h("p", {}, h("strong", { text: "Whose chat plays? " }), "Add a Twitch channel by its name. Reading its chat needs no login."),
      h("div", { class: "row" }, button("Add a channel", "accent", () => this.open()),
        button("Try it simulated", "plain", () => ways.trySimulated())));
    this.add = button("Add a channel", "plain small", () => this.open());
    this.root = h("section", { class: "part", "aria-label": "Channels" },
      h("div", { class: "part-head" }, h("h3", { text: "Channels" }), this.add),
      this.trouble, this.empty, this.list);
    this.build();
  }

  build() {
    this.dialog = new Dialog("Add a channel");
    this.kind = new Choice("Where is the chat?", [
      ["irc", "Twitch", "The channel's name as in twitch.tv/name. Chat is read without a login, within two seconds."],
      ["webhook", "Kick", "The channel's name as in kick.com/name. Kick brings its chat here, sometimes late: votes count by "
        + "when they were sent."],
      ["api", "My own script", "Anything that sends messages to the events API."],
    ], () => this.words());
    this.platform = new Choice("On which platform?", Object.entries(SCRIPTED).map(([value, words]) => [value, ...words]),
      () => this.words());
    this.login = new Line("Channel name", { maxlength: 64, class: "name", autocapitalize: "none", spellcheck: "false",
      onkeydown: (event) => {
        if (event.key === "Enter") this.submit();
      } });
    this.channelId = new Line("Channel id", { maxlength: 64, class: "name", placeholder: "made up", autocapitalize: "none",
      spellcheck: "false", onkeydown: (event) => {
        if (event.key === "Enter") this.submit();
      } }, "What your script sends as channel_id. When it is empty the desk says what to send.");
    this.chatroom = new Line("Chatroom", { maxlength: 19, inputmode: "numeric", placeholder: "not needed",
      onkeydown: (event) => {
        if (event.key === "Enter") this.submit();
      } }, "Unofficial: with the number of its chatroom, the chat of Kick's website is read too. That is quicker, and may "
      + "stop at any time.");
    this.save = button("Add", "accent", () => this.submit());
    this.dialog.body.append(this.kind.root, this.platform.root, this.login.root, this.channelId.root, this.chatroom.root);
    this.dialog.foot.append(this.save);
    this.kind.value = "irc";
    this.platform.value = "custom";
  }

  words() {
    const isScript = this.kind.value === "api";
    visible(this.platform.root, isScript);
    visible(this.channelId.root, isScript);
    visible(this.chatroom.root, this.kind.value === "webhook");
    const example = isScript && this.platform.value === "custom" ? "my-script" : "ana_plays";
    setAttr(this.login.input, "placeholder", `for example: ${example}`);
  }

  open() {
    this.login.value = "";
    this.channelId.value = "";
    this.chatroom.value = "";
    this.words();
    this.dialog.open(this.login.input);
  }

  async submit() {
    // A pasted link is as good as a name.
    const login = this.login.value.toLowerCase().replace(/^(https?:\/\/)?(www\.|m\.)?(twitch\.tv|kick\.com)\//, "")
      .replace(/[/?#].*$/, "").replace(/^@/, "");
    const kind = this.kind.value;
    const id = kind === "api" ? this.channelId.value : "";
    const room = kind === "webhook" ? this.chatroom.value.trim() : "";
    if (login === "") this.login.complain("Write the name of the channel.");
    else if (kind === "irc" && !/^[a-z0-9_]{1,25}$/.test(login)) {
      this.login.complain("A Twitch name has letters, digits and _ only, at most 25.");
    } else if (/[^\x21-\x7e]/.test(id)) {
      this.channelId.complain("A channel id has no spaces and no letters with accents.");
    } else if (room !== "" && !/^[1-9][0-9]*$/.test(room)) {
      this.chatroom.complain("The number of a chatroom has digits only.");
    } else {
      setText(this.save, "Adding…");
      try {
        const platform = { irc: "twitch", webhook: "kick" }[kind] ?? this.platform.value;
        const source = room ? "pusher" : kind;
        await this.create({ platform, login, source, ...(id ? { channel_id: id } : {}), ...(room ? { chatroom_id: room } : {}) });
        this.dialog.close();
      } catch (error) {
        const { title, text } = failure(error, "add the channel");
        this.login.complain(`${title}. ${text}`);
      } finally {
        setText(this.save, "Add");
      }
    }
  }

  async create(body) {
    const { campaign } = this.store.get();
    const channel = await this.api.post(`/campaigns/${campaign.id}/channels`, body);
    this.store.set({ channels: [...(this.store.get().channels ?? []).filter((item) => item.id !== channel.id), channel] });
    return channel;
  }

  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const channels = await this.api.all(`/campaigns/${campaign.id}/channels`);
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.trouble.replaceChildren();
      this.store.set({ channels });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "the channels", () => this.load()));
    }
  }

  async remove(channel) {
    const before = this.store.get().channels;
    this.store.set({ channels: before.filter((item) => item.id !== channel.id) });
    try {
      await this.api.delete(`/channels/${channel.id}`);
    } catch (error) {
      this.store.set({ channels: before });
      this.toasts.fail(error, "remove the channel");
      return;
    }
    this.toasts.undo("The channel is removed", serverNow() + UNDO_MS, async () => {
      const { platform, login, source, channel_id, chatroom_id } = channel;
      // An id that the platform has not told yet is none.
      const known = source === "irc" || channel_id.startsWith("login:") ? {} : { channel_id };
      try {
        await this.create({ platform, login, source, ...known, ...(chatroom_id ? { chatroom_id } : {}) });
      } catch (error) {
        this.toasts.fail(error, "bring the channel back");
      }
    });
  }

  update({ channels, status }) {
    visible(this.empty, channels?.length === 0);
    visible(this.add, (channels?.length ?? 0) > 0);
    // The status is fresher than the list: its lamps win.
    const fresh = new Map((status?.channels ?? []).map((item) => [item.id, item]));
    const items = (channels ?? []).map((item) => ({ ...item, ...fresh.get(item.id) }));
    mirror(this.list, items, (item) => item.id, (item) => this.row(item));
  }

  row(channel) {
    let now = channel;
    const name = h("strong", { class: "name", dir: "auto" });
    const platform = h("span", { class: "platform" });
    const word = h("span", { class: "lamp-word" });
    const facts = h("span", { class: "lamp-facts" });
    const help = h("p", { class: "lamp-help name" }); // it may repeat the login
    const remove = iconButton("close", "Remove", () => this.remove(now));
    const root = h("li", { class: "lamp" }, h("i", { class: "lamp-light", "aria-hidden": "true" }),
      h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, name, platform), h("p", {}, word, facts), help), remove);
    return {
      root,
      update(next) {
        now = next;
        const words = channelWords(next);
        setData(root, "tone", words.tone);
        setText(name, next.login);
        setText(platform, PLATFORM[next.platform] ?? next.platform);
        setText(word, words.word);
        setText(facts, ` · ${words.facts.join(" · ")}`);
        setText(help, words.tone === "good" ? "" : words.help ?? "");
        visible(help, help.textContent);
        setAttr(remove, "aria-label", `Remove ${next.login} from the show`);
        setAttr(remove, "title", "Remove from the show");
      },
    };
  }
}
