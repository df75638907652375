// The rundown: drafts in order. Launch, move, edit, duplicate, rehearse, delete with a way back.

import { movable, reordered } from "./drag.js";
import { button, h, iconButton, mirror, setAttr, setData, setText, show as visible } from "./dom.js";
import { lengthWords, many, serverNow } from "./time.js";
import { bodyOf } from "./settings.js";
import { icon } from "./icons.js";
import { unread } from "./toast.js";

const UNDO_MS = 10000;
const FIRST_NAME = "Tonight";

export class Rundown {
  constructor(store, api, toasts, actions, ways) {
    Object.assign(this, { store, api, toasts, actions, ways });
    this.list = h("ol", { class: "drafts", "aria-label": "Drafts in order" });
    this.starters = h("div", { class: "row starters" });
    this.empty = h("div", { class: "teach" },
      h("p", {}, h("strong", { text: "Your questions wait here, in the order you will ask them. " }),
        "Write them before the show; on air you only press space."),
      h("div", { class: "row" },
        button("Write the first poll", "accent", () => ways.compose()),
        button("Try it simulated", "plain", () => ways.trySimulated())),
      h("p", { class: "hint", text: "Or start from one of these:" }), this.starters);
    this.loading = h("p", { class: "hint", text: "Reading the rundown…" });
    this.trouble = h("div");
    this.hint = h("p", { class: "hint" }, "Drag by the dots to move", h("span", { class: "with-keys", text: ", or focus them and press ↑\u00a0↓" }), ".");
    this.root = h("div", { class: "rundown" }, this.loading, this.trouble, this.empty, this.list, this.hint);
  }

  /** Reads rundowns and drafts anew. */
  async load() {
    const { campaign } = this.store.get();
    if (!campaign) return;
    try {
      const [rundowns, drafts] = await Promise.all([
        this.api.all(`/campaigns/${campaign.id}/rundowns`),
        this.api.all(`/campaigns/${campaign.id}/polls?state=draft&limit=100`),
      ]);
      if (this.store.get().campaign?.id !== campaign.id) return;
      const known = rundowns.some((item) => item.id === this.store.get().rundownId);
      const rundownId = known ? this.store.get().rundownId : rundowns[0]?.id ?? null;
      this.trouble.replaceChildren();
      this.store.set({ rundowns, rundownId, drafts: inOrder(rundowns, rundownId, drafts) });
    } catch (error) {
      this.trouble.replaceChildren(unread(error, "the rundown", () => this.load()));
    }
  }

  /** The rundown new drafts go to; the first one is made when it is needed. */
  async ensureRundown() {
    const { rundownId, campaign } = this.store.get();
    if (rundownId) return rundownId;
    const made = await this.api.post(`/campaigns/${campaign.id}/rundowns`, { name: FIRST_NAME });
    this.store.set({ rundowns: [...(this.store.get().rundowns ?? []), made], rundownId: made.id });
    return made.id;
  }

  /** Saves a new draft at the end of the rundown and answers it. */
  async create(body) {
    const { campaign } = this.store.get();
    const rundownId = await this.ensureRundown();
    const draft = await this.api.post(`/campaigns/${campaign.id}/polls`, { ...body, rundown_id: rundownId });
    this.store.set({ drafts: [...(this.store.get().drafts ?? []), draft] });
    return draft;
  }

  /** Takes a draft made elsewhere (asked again from history) to the end of the chosen rundown. */
  async adopt(draft) {
    const rundownId = await this.ensureRundown();
    const own = draft.rundown_id === rundownId ? draft
      : await this.api.patch(`/polls/${draft.id}`, { rundown_id: rundownId });
    this.store.set({ drafts: [...(this.store.get().drafts ?? []).filter((item) => item.id !== own.id), own] });
  }

  async save(draft, body) {
    const saved = await this.api.patch(`/polls/${draft.id}`, body);
    const drafts = (this.store.get().drafts ?? []).map((item) => (item.id === saved.id ? saved : item));
    this.store.set({ drafts });
    return saved;
  }

  async move(from, to) {
    const before = this.store.get().drafts;
    const drafts = reordered(before, from, to);
    this.store.set({ drafts });
    await this.saveOrder(drafts, before);
  }

  async saveOrder(drafts, before) {
    try {
      const rundownId = await this.ensureRundown();
      // A draft made by a script may stand outside the rundown: ordering it takes it in.
      for (const draft of drafts) {
        if (draft.rundown_id !== rundownId) await this.api.patch(`/polls/${draft.id}`, { rundown_id: rundownId });
      }
      const rundown = this.store.get().rundowns.find((item) => item.id === rundownId);
      const moving = new Set(drafts.map((draft) => draft.id));
      const done = (rundown?.polls ?? []).filter((poll) => poll.state !== "draft" && !moving.has(poll.id));
      await this.api.patch(`/rundowns/${rundownId}`, { poll_ids: [...done, ...drafts].map((poll) => poll.id) });
    } catch (error) {
      if (before) this.store.set({ drafts: before });
      this.toasts.fail(error, "move the draft");
      this.load();
    }
  }

  async duplicate(draft) {
    try {
      const copy = await this.create(bodyOf(draft));
      const { drafts } = this.store.get();
      const from = drafts.findIndex((item) => item.id === copy.id);
      const to = drafts.findIndex((item) => item.id === draft.id) + 1;
      if (from >= 0 && to > 0 && from !== to) await this.move(from, to);
    } catch (error) {
      this.toasts.fail(error, "duplicate the draft");
    }
  }

  /** Deletes at once; the way back writes the same draft again in the same place. */
  async remove(draft) {
    const before = this.store.get().drafts;
    const place = before.findIndex((item) => item.id === draft.id);
    this.store.set({ drafts: before.filter((item) => item.id !== draft.id) });
    try {
      await this.api.delete(`/polls/${draft.id}`);
    } catch (error) {
      this.store.set({ drafts: before });
      this.toasts.fail(error, "delete the draft");
      this.load();
      return;
    }
    this.toasts.undo(`“${draft.question}” is deleted`, serverNow() + UNDO_MS, async () => {
      try {
        const back = await this.create(bodyOf(draft));
        const drafts = this.store.get().drafts;
        const from = drafts.findIndex((item) => item.id === back.id);
        if (place >= 0 && from > place) await this.move(from, place);
      } catch (error) {
        this.toasts.fail(error, "bring the draft back");
      }
    });
  }

  update({ drafts, show, templates, lastAction, campaign }) {
    visible(this.loading, campaign && drafts === null && !this.trouble.firstChild);
    visible(this.empty, drafts?.length === 0);
    visible(this.hint, (drafts?.length ?? 0) > 1);
    const starters = (templates ?? []).slice(0, 4);
    mirror(this.starters, starters, (item) => item.id ?? item.label, (item) => ({
      root: button(item.label, "plain", () => this.ways.compose({ template: item })),
      update() {},
    }));
    const busyStage = Boolean(show) && (show.phase !== "revealed" || show.tiePending);
    mirror(this.list, drafts ?? [], (draft) => draft.id, (draft) => this.row(draft));
    [...this.list.children].forEach((row, index) => {
      setData(row, "first", index === 0 && !show);
      setData(row, "waits", busyStage || Boolean(lastAction));
    });
  }

  row(draft) {
    let now = draft;
    const number = h("span", { class: "place", "aria-hidden": "true" });
    const question = h("span", { class: "draft-question", dir: "auto" });
    const meta = h("span", { class: "draft-meta" });
    const handle = h("button", { type: "button", class: "handle" }, icon("grip"));
    const launch = button("", "plain launch", () => this.tryLaunch(now, false));
    launch.append(icon("play"), h("span", { text: "Launch" }));
    const more = iconButton("more", "More", null, { "aria-expanded": "false" });
    const tools = h("div", { class: "draft-tools", hidden: true },
      button("Try it simulated", "plain", () => this.tryLaunch(now, true)),
      button("Edit", "plain", () => this.ways.compose({ draft: now })),
      button("Duplicate", "plain", () => this.duplicate(now)),
      button("Delete", "danger", () => this.remove(now)));
    more.addEventListener("click", () => {
      more.setAttribute("aria-expanded", String(visible(tools, tools.hidden)));
    });
    const root = h("li", { class: "draft" }, h("div", { class: "draft-line" }, handle, number,
      h("span", { class: "draft-words" }, question, meta), launch, more), tools);
    movable(this.list, root, handle, (from, to) => this.move(from, to));
    return {
      root,
      update(next, index) {
        now = next;
        setText(number, index + 1);
        setText(question, next.question);
        setText(meta, metaWords(next));
        setAttr(handle, "aria-label", `Move “${next.question}”, place ${index + 1}: drag, or arrow keys`);
        setAttr(launch, "aria-label", `Launch “${next.question}”`);
        setAttr(more, "aria-label", `More for “${next.question}”`);
      },
    };
  }

  tryLaunch(draft, simulated) {
    const { show, lastAction } = this.store.get();
    if (lastAction) return;
    if (show && (show.phase !== "revealed" || show.tiePending)) {
      this.toasts.warn("One poll at a time", `“${show.question}” is still on stage. Finish or cancel it, then launch this one. `
        + "Nothing was changed.");
      return;
    }
    this.actions.launch(draft.id, simulated);
  }
}

/** Drafts of the chosen rundown in its order, then those that belong to none. */
function inOrder(rundowns, rundownId, drafts) {
  const order = new Map();
  const rundown = rundowns.find((item) => item.id === rundownId);
  (rundown?.polls ?? []).forEach((poll, index) => order.set(poll.id, index));
  const place = (draft) => order.get(draft.id) ?? Number.MAX_SAFE_INTEGER;
  return drafts
    .filter((draft) => draft.rundown_id === rundownId || draft.rundown_id === null)
    .sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1));
}

function metaWords(draft) {
  const parts = [many(draft.options.length, "option"), lengthWords(draft.duration_s)];
  if (draft.secret) parts.push("secret");
  if (draft.rule === "every_message") parts.push("every message counts");
  return parts.join(" · ");
}
