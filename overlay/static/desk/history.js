// Past polls: who won, how the vote stood, by channel too; what is left to decide; exports; and asking the same again.

import { tieButton } from "./action.js";
import { button, h, mirror, setData, setText, show as visible, withName } from "./dom.js";
import { clock, count, many, percent, toMs } from "./time.js";
import { unread } from "./toast.js";
import { PLATFORM, TIE_RULE, WEIGHTINGS, outcome, revealWords, seatWords, tieWords } from "./words.js";

const PAGE = 20;
const MOST = 100; // that the server gives at once

export class History {
  constructor(store, api, toasts, rundown, actions, ways) {
    Object.assign(this, { store, api, toasts, rundown, actions });
    this.list = h("ol", { class: "past", "aria-label": "Past polls, newest first" });
    this.trouble = h("div");
    this.loading = h("p", { class: "hint", text: "Reading past polls…" });
    this.empty = h("div", { class: "teach" },
      h("p", {}, h("strong", { text: "Results gather here. " }),
        "Every finished poll keeps its winner, the votes of each channel, and a vote ledger that anyone can check."),
      h("div", { class: "row" }, button("Try it simulated", "accent", () => ways.trySimulated())));
    this.older = button("Older polls", "plain", () => this.more());
    this.root = h("div", { class: "history" }, this.loading, this.trouble, this.empty, this.list, this.older);
  }

  /** Reads anew what is shown; what is older than the newest hundred stays as it was read. */
  async load() {
    const shown = this.store.get().history.items?.length ?? 0;
    await this.read(null, Math.min(MOST, Math.max(PAGE, shown)));
  }

  async more() {
    setText(this.older, "Reading…");
    await this.read(this.store.get().history.next);
    setText(this.older, "Older polls");
  }

  async read(cursor, limit = PAGE) {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const from = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await this.api.get(`/campaigns/${campaign.id}/polls?state=done&limit=${limit}${from}`);
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.trouble.replaceChildren();
      const { history } = this.store.get();
      this.store.set({ history: cursor ? followed(history, page) : renewed(history, page) });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "past polls", () => this.read(cursor, limit)));
    }
  }

  /** A poll that another one took the stage from: shown after all. */
  async reveal(poll, control) {
    setText(control, "Revealing…");
    const revealed = await this.settle(poll, "reveal", {}, "reveal the result");
    setText(control, "Reveal");
    const phase = this.store.get().show?.phase;
    // The live frame says the same; without a live connection nothing else would.
    if (revealed && phase !== "open" && phase !== "closing") this.actions.adopt(revealed);
  }

  /** Answers the poll as it is now, or null when it failed. */
  async settle(poll, verb, body, doing) {
    if (this.settling) return null;
    this.settling = true;
    try {
      const settled = await this.api.post(`/polls/${poll.id}/${verb}`, body);
      const { history } = this.store.get();
      const items = history.items?.map((item) => (item.id === settled.id ? settled : item)) ?? null;
      this.store.set({ history: { ...history, items } });
      return settled;
    } catch (error) {
      this.toasts.fail(error, doing);
      this.load(); // the server knows a state we don't: show it
      return null;
    } finally {
      this.settling = false;
    }
  }

  async again(poll, control) {
    setText(control, "Adding…");
    try {
      const draft = await this.api.post(`/polls/${poll.id}/again`);
      await this.rundown.adopt(draft);
      this.toasts.note("Back in the rundown", `“${draft.question}” waits at its end.`);
    } catch (error) {
      this.toasts.fail(error, "put it back into the rundown");
    } finally {
      setText(control, "Again");
    }
  }

  update({ history, tab, show }) {
    if (tab !== "history") return;
    const items = history.items?.filter((poll) => poll.id !== show?.id) ?? null; // what is on stage is not past
    visible(this.loading, items === null && !this.trouble.firstChild);
    visible(this.empty, items?.length === 0);
    visible(this.older, history.next);
    mirror(this.list, items ?? [], (poll) => poll.id, (poll) => this.row(poll));
  }

  /** What is still open about a past poll: its reveal, and a tie to decide. */
  openEnds(poll) {
    let now = poll;
    const words = h("p", { class: "tie-words" });
    const ties = h("div", { class: "ties", role: "group", "aria-label": "Choose the winner of the tie" });
    const hint = h("p", { class: "hint" });
    const reveal = button("Reveal", "accent", () => this.reveal(now, reveal));
    const shown = h("div", { class: "row" }, reveal, hint);
    const root = h("div", { class: "open-ends" }, words, ties, shown);
    let deciding = false;
    const decide = async (winner) => {
      deciding = true;
      setText(words, "Deciding…");
      await this.settle(now, "resolve", { winner }, "decide the tie");
      deciding = false;
      this.store.redraw();
    };
    return {
      root,
      update: (next) => {
        now = next;
        const tied = next.tie_pending ? next.options.filter((option) => next.tied.includes(option.index)) : [];
        const isClosed = next.state === "closed";
        visible(root, tied.length || isClosed);
        visible(words, tied.length);
        visible(ties, tied.length);
        setText(words, deciding ? "Deciding…" : tieWords(next));
        mirror(ties, tied, (option) => option.index, (option) => tieButton(option, decide));
        visible(shown, isClosed);
        setText(hint, revealWords(this.store.get().show));
      },
    };
  }

  row(poll) {
    let now = poll;
    const question = h("span", { class: "draft-question", dir: "auto" });
    const ending = h("span", { class: "past-outcome", dir: "auto" });
    const meta = h("span", { class: "draft-meta" });
    const details = h("div", { class: "past-details" });
    const again = button("Again", "plain small", () => this.again(now, again));
    const link = (format) => h("a", { class: "button plain small", download: true,
      href: `/api/v1/polls/${poll.id}/export?format=${format}`, text: `Export ${format.toUpperCase()}` });
    const exports = h("span", { class: "row" }, link("csv"), link("json"));
    const openEnds = this.openEnds(poll);
    const body = h("div", { class: "past-body" }, openEnds.root, details, h("div", { class: "row" }, again, exports));
    let drawn = "";
    const draw = () => {
      const ended = `${now.state}:${now.winner}`;
      if (!fold.open || drawn === ended) return;
      drawn = ended;
      details.replaceChildren(...figures(now));
    };
    const fold = h("details", { ontoggle: draw },
      h("summary", {}, h("span", { class: "draft-words" }, question, ending, meta)), body);
    const root = h("li", { class: "past-item" }, fold);
    return {
      root,
      update(next) {
        now = next;
        const cancelled = next.state === "cancelled";
        setData(root, "cancelled", cancelled);
        setText(question, next.question);
        setText(ending, outcome(next));
        setData(root, "unsettled", next.state === "closed" || next.tie_pending);
        openEnds.update(next);
        draw();
        const when = clock(toMs(next.closes_at) ?? toMs(next.created_at));
        setText(meta, [when, many(next.total_votes ?? 0, "vote"), next.simulated ? "simulated" : ""].filter(Boolean).join(" · "));
        visible(exports, !cancelled && !(next.secret && next.state !== "revealed"));
      },
    };
  }
}

/** Older polls below those that are there. */
function followed(history, page) {
  return { items: [...history.items ?? [], ...page.items], next: page.next };
}

/** The newest polls, and below them the older ones that were read before: nobody's page is taken away while it is read. */
function renewed(history, page) {
  const before = history.items ?? [];
  const fresh = new Set(page.items.map((poll) => poll.id));
  const last = page.items.at(-1);
  // Nothing in common: between the two there may be polls that nobody has read.
  const older = page.next && before.some((poll) => fresh.has(poll.id)) ? before.filter((poll) => poll.id < last.id) : [];
  return older.length ? { items: [...page.items, ...older], next: history.next } : page;
}

/** What became of Twitch's own poll on a channel. */
function nativeLine(native) {
  const all = native.votes?.reduce((sum, votes) => sum + votes, 0);
  return h("li", {}, h("span", { class: "name", dir: "auto", text: native.login }), " ", ...withName(native.detail, native.login),
    all === undefined ? "" : ` ${many(all, "vote")} there in all.`);
}

function figures(poll) {
  const hidden = poll.options.some((option) => option.votes === null);
  if (hidden) return [h("p", { class: "hint", text: "A secret poll that was never revealed keeps its figures to itself." })];
  const rows = poll.options.map((option) => h("tr", { class: option.index === poll.winner ? "winner" : "" },
    h("th", { scope: "row", dir: "auto" }, h("span", { class: `badge tone-${option.index}`, text: option.index }), " ", option.label),
    h("td", { text: percent(option.share ?? 0) }), h("td", { text: many(option.votes, "vote") })));
  const channels = (poll.channels ?? []).filter((channel) => channel.votes !== null);
  const table = h("table", {}, h("caption", { class: "unseen", text: `Result of ${poll.question}` }), h("tbody", {}, rows));
  const notes = [];
  if (poll.weighting && poll.weighting !== "sum") notes.push(`${WEIGHTINGS[poll.weighting][0]}: percent is the weighted share.`);
  if (poll.tied?.length) {
    const rule = poll.tie === "gm" && poll.winner ? "you decided" : TIE_RULE[poll.tie];
    notes.push(`Tie between ${poll.tied.join(" and ")}: ${rule}.`);
  }
  return [
    table,
    channels.length > 0 && h("ul", { class: "by-channel", "aria-label": "Votes by channel" }, channels.map((channel) => h("li", {},
      h("span", { class: "name", dir: "auto", text: seatWords(channel) }), ` ${PLATFORM[channel.platform] ?? channel.platform} `
        + `${count(channel.votes)} ${channel.votes === 1 ? "vote" : "votes"}`))),
    poll.native_polls?.length > 0 && h("ul", { class: "by-channel", "aria-label": "Polls on Twitch" }, poll.native_polls.map(nativeLine)),
    notes.length > 0 && h("p", { class: "hint", text: notes.join(" ") }),
  ].filter(Boolean);
}
