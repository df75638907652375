// What viewers did for the show, newest first: each once, whoever told of it and how often.

import { h, mirror, setData, setText, show as visible } from "../dom.js";
import { ago, clock, toMs } from "../time.js";
import { feedWords, totalsWords } from "./words.js";

export class Feed {
  constructor() {
    this.totals = h("p", { class: "hint support-totals" });
    this.list = h("ul", { class: "support-feed", "aria-label": "Newest supporters" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "Nothing yet. " }),
      "Follows, subscriptions, gifts, bits, kicks, raids and donations come here as they happen. Press Test beside an alert to see one."));
    this.root = h("section", { class: "part", "aria-label": "Supporters" }, h("div", { class: "part-head" }, h("h3", { text: "What came in" })), this.totals,
      this.empty, this.list);
  }

  update({ feed, totals }) {
    if (!visible(this.root, feed !== null)) return;
    visible(this.empty, feed.length === 0);
    const words = totals ? totalsWords(totals) : "";
    setText(this.totals, words && `${totals.is_live ? "This stream" : "The last 12 hours"}: ${words}`);
    visible(this.totals, words);
    mirror(this.list, feed, ({ id }) => id, entryRow);
  }
}

function entryRow() {
  const who = h("strong", { class: "name", dir: "auto" });
  const did = h("span");
  const test = h("span", { class: "tag sim", text: "TEST" });
  const where = h("p", { class: "lamp-facts" });
  const place = h("span", { class: "name", dir: "auto" });
  const source = h("span");
  const message = h("p", { class: "support-message name", dir: "auto" });
  where.append(source, place);
  const root = h("li", { class: "lamp support-entry" }, h("div", { class: "lamp-words" }, h("p", { class: "lamp-line" }, who, did, test), message, where));
  return {
    root,
    update(entry) {
      const words = feedWords(entry);
      const at = toMs(entry.received_at);
      setData(root, "kind", entry.kind);
      setText(who, entry.user === null ? "Somebody" : entry.user.name || entry.user.login || entry.user.id);
      setText(did, words.did);
      visible(test, entry.is_test);
      setText(message, entry.message);
      visible(message, entry.message);
      setText(source, [`${clock(at)}, ${ago(at)}`, words.where, ""].filter((part, index) => part || (index === 2 && entry.place)).join(" · "));
      setText(place, entry.place);
    },
  };
}
