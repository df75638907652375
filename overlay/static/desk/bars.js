// The live count: a bar an option with percent and votes; a secret poll shows only how many are sealed.

import { h, mirror, setAttr, setData, setText, show as visible, withName } from "./dom.js";
import { sealed } from "./show.js";
import { count, percent } from "./time.js";
import { TIE_RULE, WEIGHTINGS, seatWords, totalWords } from "./words.js";

export class Bars {
  constructor() {
    this.total = h("strong", { class: "total" });
    this.rate = h("span", { class: "rate" });
    this.list = h("ol", { class: "bars" });
    this.facts = h("p", { class: "facts" });
    this.channels = h("ul", { class: "by-channel", "aria-label": "Votes by channel" });
    this.natives = h("ul", { class: "by-channel", "aria-label": "Polls on Twitch", "aria-live": "polite" });
    this.root = h("div", { class: "count" },
      h("div", { class: "count-head" }, this.total, this.rate), this.list, this.channels, this.natives, this.facts);
  }

  update(show, status) {
    if (!visible(this.root, show)) return;
    const hidden = sealed(show);
    setData(this.root, "sealed", hidden);
    setText(this.total, totalWords(show, hidden));
    const rate = status?.votes_per_s ?? 0;
    setText(this.rate, show.phase === "open" ? `${count(Math.round(rate * 10) / 10)} votes/s` : "");
    // Many options stand in two columns, read downwards, as they do on stream.
    setData(this.list, "many", show.options.length > 5);
    this.list.style.setProperty("--rows", Math.ceil(show.options.length / 2));
    mirror(this.list, show.options, (option) => `${show.id}:${option.index}`, (option) => bar(option));
    const rows = [...this.list.children];
    show.options.forEach((option, index) => {
      const won = show.phase === "revealed" && show.winner === option.index;
      setData(rows[index], "lead", !hidden && show.phase !== "revealed" && show.leaders.includes(option.index));
      setData(rows[index], "won", won);
      setData(rows[index], "lost", show.phase === "revealed" && show.winner !== null && !won);
      setData(rows[index], "tied", show.tied.includes(option.index) && show.winner === null);
    });
    this.updateChannels(show, hidden);
    this.updateNatives(status?.poll?.id === show.id ? status.poll.native_polls ?? [] : []);
    setText(this.facts, facts(show));
  }

  /** How far Twitch's own polls are, channel by channel, in words. */
  updateNatives(natives) {
    if (!visible(this.natives, natives.length > 0)) return;
    mirror(this.natives, natives, (native) => native.login, () => {
      const login = h("span", { class: "name", dir: "auto" });
      const words = h("span");
      return {
        root: h("li", {}, login, " ", words),
        update(native) {
          setText(login, native.login);
          if (words.textContent !== native.detail) words.replaceChildren(...withName(native.detail, native.login));
        },
      };
    });
  }

  updateChannels(show, hidden) {
    const many = show.channels.length > 1 && !hidden;
    visible(this.channels, many);
    if (!many) return;
    mirror(this.channels, show.channels, (channel) => `${channel.platform}/${channel.login}/${channel.counts ?? "chat"}`, () => {
      const login = h("span", { class: "name", dir: "auto" });
      const votes = h("span");
      return {
        root: h("li", {}, login, " ", votes),
        update(channel) {
          setText(login, seatWords(channel));
          setText(votes, channel.votes === null ? "" : `${count(channel.votes)} ${channel.votes === 1 ? "vote" : "votes"}`);
        },
      };
    });
  }
}

function bar(option) {
  const fill = h("i", { class: `fill tone-${option.index}`, "aria-hidden": "true" });
  const label = h("span", { class: "bar-label", dir: "auto" });
  const share = h("b", { class: "bar-share" });
  const votes = h("span", { class: "bar-votes" });
  const mark = h("span", { class: "bar-mark" });
  const root = h("li", { class: "bar" }, fill, h("span", { class: `badge tone-${option.index}`, text: option.index }),
    label, mark, share, votes);
  return {
    root,
    update(now) {
      const unknown = now.votes === null || now.votes === undefined;
      fill.style.transform = `scaleX(${unknown ? 0 : Math.min(1, Math.max(0, now.share ?? 0))})`;
      setText(label, now.label);
      setText(share, unknown ? "" : percent(now.share ?? 0));
      setText(votes, unknown ? "sealed" : `${count(now.votes)} ${now.votes === 1 ? "vote" : "votes"}`);
      setAttr(root, "title", now.label);
    },
  };
}

function facts(show) {
  const parts = [show.rule === "every_message" ? "every message counts" : "one vote per viewer"];
  if (show.weighting !== "sum") {
    const cap = show.weighting === "capped" ? ` at ${show.capPercent} %` : "";
    parts.push(`${WEIGHTINGS[show.weighting][0].toLowerCase()}${cap}: percent is the weighted share`);
  }
  parts.push(`on a tie: ${TIE_RULE[show.tieRule] ?? show.tieRule}`);
  if (show.tieRule === "random" && show.commitment) parts.push(`seal ${show.commitment.slice(0, 8)}`);
  return parts.join(" · ");
}
