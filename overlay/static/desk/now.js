// Zone "Now": what viewers see, what state it is in, and the one next action.

import { ActionBar } from "./action.js";
import { Bars } from "./bars.js";
import { button, h, setData, setText, show as visible } from "./dom.js";
import { Preview } from "./preview.js";
import { sealed } from "./show.js";
import { percent, serverNow } from "./time.js";
import { headline, result, totalWords } from "./words.js";

export class Now {
  constructor(store, actions, announcer, ways) {
    this.store = store;
    this.announcer = announcer;
    this.title = h("p", { class: "state-title" });
    this.clock = h("p", { class: "state-clock" });
    this.question = h("p", { class: "state-question", dir: "auto" });
    this.simulated = h("span", { class: "tag sim", text: "Simulated" });
    this.secret = h("span", { class: "tag", text: "Secret" });
    this.head = h("div", { class: "state" },
      h("div", { class: "state-words" }, h("div", { class: "state-line" }, this.title, this.simulated, this.secret),
        this.question),
      this.clock);
    this.preview = new Preview(store);
    this.bars = new Bars();
    this.idle = new IdleWords(store, ways);
    this.bar = new ActionBar(actions);
    this.root = h("section", { class: "zone now", "aria-labelledby": "zone-now" },
      h("h2", { id: "zone-now", class: "unseen", text: "Now" }),
      h("div", { class: "now-body" }, this.head, this.preview.root, this.bars.root, this.idle.root),
      this.bar.root);
    this.spoken = "";
  }

  /** Numbers and words: runs also while a finger is down, nothing here moves the buttons. */
  update(state) {
    const { show } = state;
    const words = headline(show, serverNow());
    setData(this.root, "tone", words.tone);
    setData(this.root, "many", (show?.options.length ?? 0) > 5);
    // Dice and the party come and go by themselves: they are on stage, and no poll is.
    const isTable = !show && Object.keys(state.boards).length > 0;
    setText(this.title, isTable ? "No poll on stage" : words.title);
    setText(this.clock, words.clock);
    const endsSoon = show?.phase === "open" && show.endsAt !== null && show.endsAt - serverNow() < 10000;
    setData(this.clock, "soon", endsSoon);
    setText(this.question, show?.question ?? "");
    visible(this.question, show);
    visible(this.simulated, show?.simulated);
    visible(this.secret, show?.secret);
    this.bars.update(show, state.status);
    this.bar.update(state);
    this.preview.update(state);
    this.speak(show, words);
  }

  /** Structure that may move: waits until no finger is down. */
  settle(state) {
    this.idle.update(state);
    this.preview.settle(state);
  }

  /** The tally for a screen reader: phase changes first, then who leads; the announcer keeps the five seconds. */
  speak(show, words) {
    const key = show ? `${show.id}:${show.phase}:${show.tiePending}:${show.winner}` : "idle";
    if (key !== this.spoken) {
      const first = this.spoken === "";
      this.spoken = key;
      const question = show ? `: ${show.question}` : "";
      if (!first || show) this.announcer.say(`${words.title}${question}. ${show ? totalWords(show, sealed(show)) : ""}`);
      return;
    }
    if (show?.phase !== "open") return;
    const leader = sealed(show) ? null : show.options.find((option) => option.index === show.leaders[0]);
    const lead = leader ? `, ${leader.label} leads with ${percent(leader.share ?? 0)}` : "";
    this.announcer.tally(`${totalWords(show, sealed(show))}${lead}`);
  }
}

/** What stands below the preview when nothing runs: how a show starts, and the button for each missing piece. */
class IdleWords {
  constructor(store, ways) {
    this.ways = ways;
    this.last = h("p", { class: "last-result" });
    this.text = h("p");
    this.buttons = h("div", { class: "row" },
      this.channel = button("Add a channel", "accent", () => ways.addChannel()),
      this.overlay = button("Add an overlay for OBS", "accent", () => ways.addOverlay()),
      this.simulate = button("Try it simulated", "plain", () => ways.trySimulated()));
    this.steps = h("div", { class: "teach" }, this.text, this.buttons);
    this.root = h("div", { class: "idle" }, this.last, this.steps);
  }

  update({ show, channels, overlays, drafts, history, campaign }) {
    if (!visible(this.root, !show && campaign)) return;
    const past = history.items?.find((poll) => poll.state === "revealed");
    visible(this.last, past);
    if (past) setText(this.last, `Last: ${past.question} → ${result(past)}`);
    const noChannel = channels?.length === 0;
    const noOverlay = overlays?.length === 0;
    const text = teach(noChannel, noOverlay, drafts);
    setText(this.text, text);
    visible(this.channel, noChannel);
    visible(this.overlay, !noChannel && noOverlay);
    visible(this.simulate, drafts !== null);
  }
}

function teach(noChannel, noOverlay, drafts) {
  if (noChannel) {
    return "When a poll runs, its votes grow here, live. No chat is connected yet, so nobody could vote: "
      + "add the Twitch channel whose chat should play, or let a simulated crowd show you how it looks.";
  }
  if (noOverlay) {
    return "Your chat is connected. Viewers see nothing yet: add an overlay, copy its link and paste it into OBS "
      + "as a browser source.";
  }
  if (drafts?.length === 0) {
    return "Write the first question, launch it, and the votes of all chats grow here. "
      + "A simulated crowd can show you the whole way first.";
  }
  return "When you launch, the votes of all chats grow here. Simulated: a made-up crowd votes, marked as a test on "
    + "stream, and real results stay untouched.";
}
