// Past polls: who won, how the vote stood, by channel too; exports; and asking the same again.

import { button, h, mirror, setData, setText, show as visible } from "./dom.js";
import { clock, count, many, percent, toMs } from "./time.js";
import { unread } from "./toast.js";
import { PLATFORM, TIE_RULE, WEIGHTINGS, result } from "./words.js";

const PAGE = 20;

export class History {
  constructor(store, api, toasts, rundown, ways) {
    Object.assign(this, { store, api, toasts, rundown });
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

  /** Reads the newest page anew. */
  async load() {
    await this.read(null);
  }

  async more() {
    setText(this.older, "Reading…");
    await this.read(this.store.get().history.next);
    setText(this.older, "Older polls");
  }

  async read(cursor) {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const from = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await this.api.get(`/campaigns/${campaign.id}/polls?state=done&limit=${PAGE}${from}`);
      if (this.store.get().campaign?.id !== campaign.id) return;
      const before = cursor ? this.store.get().history.items ?? [] : [];
      this.trouble.replaceChildren();
      this.store.set({ history: { items: [...before, ...page.items], next: page.next } });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "past polls", () => this.read(cursor)));
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

  row(poll) {
    let now = poll;
    const question = h("span", { class: "draft-question", dir: "auto" });
    const outcome = h("span", { class: "past-outcome", dir: "auto" });
    const meta = h("span", { class: "draft-meta" });
    const details = h("div", { class: "past-details" });
    const again = button("Again", "plain small", () => this.again(now, again));
    const link = (format) => h("a", { class: "button plain small", download: true,
      href: `/api/v1/polls/${poll.id}/export?format=${format}`, text: `Export ${format.toUpperCase()}` });
    const exports = h("span", { class: "row" }, link("csv"), link("json"));
    const body = h("div", { class: "past-body" }, details, h("div", { class: "row" }, again, exports));
    const root = h("li", { class: "past-item" }, h("details", { ontoggle: (event) => {
      if (event.target.open) details.replaceChildren(...figures(now));
    } }, h("summary", {}, h("span", { class: "draft-words" }, question, outcome, meta)), body));
    return {
      root,
      update(next) {
        now = next;
        const cancelled = next.state === "cancelled";
        setData(root, "cancelled", cancelled);
        setText(question, next.question);
        setText(outcome, cancelled ? "cancelled" : next.state === "closed" ? "closed, never revealed" : result(next));
        const when = clock(toMs(next.closes_at) ?? toMs(next.created_at));
        setText(meta, [when, many(next.total_votes ?? 0, "vote"), next.simulated ? "simulated" : ""].filter(Boolean).join(" · "));
        visible(exports, !cancelled && !(next.secret && next.state !== "revealed"));
      },
    };
  }
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
      h("span", { class: "name", dir: "auto", text: channel.login }), ` ${PLATFORM[channel.platform] ?? channel.platform} `
        + `${count(channel.votes)} ${channel.votes === 1 ? "vote" : "votes"}`))),
    notes.length > 0 && h("p", { class: "hint", text: notes.join(" ") }),
  ].filter(Boolean);
}
