// The one big button, always in the same place, and the small ones beside it.

import { button, h, mirror, setAttr, setData, setText, show as visible } from "./dom.js";
import { icon, turnInto } from "./icons.js";
import { cancellable, nextAction, sealed } from "./show.js";
import { count, serverNow } from "./time.js";

const BUSY = {
  launch: "Launching…", close: "Closing…", reveal: "Revealing…", next: "Clearing…", resolve: "Deciding…",
  cancel: "Cancelling…", undo: "Bringing it back…", extend: "Extending…",
};
/** A press this soon after the meaning changed was aimed at the old meaning. */
export const SETTLE_MS = 450;

export class ActionBar {
  constructor(actions) {
    this.actions = actions;
    this.meaning = null; // what the button says now
    this.meaningSince = 0;
    this.icon = icon("play");
    this.label = h("span", { class: "big-label" });
    this.quote = h("q", { class: "big-quote", dir: "auto" });
    this.detail = h("span", { class: "big-detail" });
    this.big = h("button", { type: "button", class: "big", id: "next-action", "aria-keyshortcuts": "Space" },
      this.icon, h("span", { class: "big-words" }, h("span", { class: "big-line" }, this.label, this.quote), this.detail),
      h("kbd", { text: "space", "aria-hidden": "true" }));
    this.big.addEventListener("pointerdown", () => { this.aimed = this.meaning; });
    this.big.addEventListener("click", (event) => this.press(event.detail > 0 ? this.aimed : null));
    this.ties = h("div", { class: "ties", role: "group", "aria-label": "Choose the winner of the tie" });
    this.tieWords = h("p", { class: "tie-words" });
    this.more30 = button("+30 s", "plain", () => this.actions.extend(30), { "aria-keyshortcuts": "E" });
    this.more30.append(h("kbd", { text: "E", "aria-hidden": "true" }));
    this.more60 = button("+60 s", "plain", () => this.actions.extend(60));
    this.cancel = button("Cancel poll", "danger", () => this.actions.cancel(), { "aria-keyshortcuts": "Escape" });
    this.cancel.append(h("kbd", { text: "Esc", "aria-hidden": "true" }));
    this.side = h("div", { class: "side-actions" }, this.more30, this.more60, h("span", { class: "spring" }), this.cancel);
    this.root = h("div", { class: "action-bar" }, this.side, this.tieWords, this.ties, this.big);
  }

  /** `aimed`: what the button said when the finger went down; null for a keyboard. */
  press(aimed) {
    if (!this.meaning || this.big.getAttribute("aria-disabled") === "true") return;
    if (!aimed && performance.now() - this.meaningSince < SETTLE_MS) {
      this.actions.tooSoon();
      return;
    }
    this.actions.doNext(aimed ?? this.meaning);
  }

  update({ show, drafts, lastAction, campaign, channels }) {
    const next = nextAction(show, drafts, serverNow(), campaign, channels);
    if (!this.meaning || this.meaning.kind !== next.kind || this.meaning.id !== next.id) {
      this.meaningSince = performance.now();
      setData(this.big, "fresh", true);
      clearTimeout(this.settle);
      this.settle = setTimeout(() => setData(this.big, "fresh", null), SETTLE_MS);
    }
    this.meaning = next;
    const busy = Boolean(lastAction) && lastAction.kind !== "extend";
    setData(this.big, "kind", next.kind);
    setData(this.big, "busy", busy);
    turnInto(this.icon, busy ? "wait" : next.icon);
    setText(this.label, busy ? BUSY[lastAction.kind] : next.label);
    setText(this.quote, !busy && next.quote ? next.quote : "");
    visible(this.quote, !busy && next.quote);
    setText(this.detail, busy ? "" : next.detail);
    const idle = next.kind === "wait" || next.kind === "resolve";
    setAttr(this.big, "aria-disabled", busy || idle);
    visible(this.big, next.kind !== "resolve");
    this.updateTies(show, next, lastAction);
    const open = show?.phase === "open";
    visible(this.more30, open);
    visible(this.more60, open);
    visible(this.cancel, cancellable(show));
    visible(this.side, open || cancellable(show));
    setText(this.more30.firstChild, lastAction?.kind === "extend" ? "Extending…" : "+30 s");
  }

  /** Tied options as buttons; after a plain close they stand above "Reveal", in a secret poll only after it. */
  updateTies(show, next, lastAction) {
    const choosing = Boolean(show?.tiePending) && show.tied.length > 0 && !sealed(show);
    visible(this.ties, choosing);
    visible(this.tieWords, choosing);
    if (!choosing) return;
    const numbers = show.tied.length < 4 ? show.tied.join(" or ") : "its number";
    setText(this.tieWords, next.kind === "resolve" ? `Who wins? Press ${numbers}.` : `A tie. Decide now with ${numbers}, or reveal it first.`);
    setData(this.ties, "big", next.kind === "resolve");
    const tied = show.options.filter((option) => show.tied.includes(option.index));
    const pressed = lastAction?.kind === "resolve";
    mirror(this.ties, tied, (option) => `${show.id}:${option.index}`, (option) => (
      tieButton(option, (winner) => this.actions.resolve(winner))));
    for (const root of this.ties.children) setAttr(root, "aria-disabled", pressed);
  }
}

/** A tied option as a button; `choose(index)` decides for it. */
export function tieButton(option, choose) {
  const label = h("span", { class: "tie-label", dir: "auto" });
  const votes = h("span", { class: "tie-votes" });
  const root = h("button", { type: "button", class: "tie", onclick: () => choose(option.index) },
    h("span", { class: `badge tone-${option.index}`, text: option.index }), label, votes);
  return {
    root,
    update(now) {
      setText(label, now.label);
      setText(votes, now.votes === null ? "" : `${count(now.votes)} ${now.votes === 1 ? "vote" : "votes"}`);
      setAttr(root, "aria-label", `Option ${now.index} wins: ${now.label}`);
    },
  };
}
