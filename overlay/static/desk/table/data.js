// What the desk knows of the table: each list is read when its tab is open, again every few seconds, and at once after a change.

import { Unanswered } from "../problem.js";
import { EMPTY } from "./empty.js";

const BEAT_MS = 3000;
const QUIET_MS = 10000; // while another part of the desk is shown: only how many rolls wait for an owner
const NUDGE_MS = 300; // after a die on stream: the log follows
const ROLLS = 40;

/** name → its path in a campaign, and whether it is a list of pages. */
const PARTS = {
  settings: { path: "/table" },
  connections: { path: "/vtt-connections", all: true },
  rolls: { path: `/rolls?limit=${ROLLS}`, items: true },
  pending: { path: "/rolls?pending=true&limit=20", items: true },
  characters: { path: "/characters", all: true },
  combat: { path: "/combat" },
  rules: { path: "/criticality-rules", all: true },
  items: { path: "/item-category-rules", all: true },
  stats: { path: "/dice-stats" },
  commands: { path: "/vtt-commands?limit=20", items: true },
};

/** What a tab needs at all, and what of it changes by itself. */
const TABS = {
  dice: { needs: ["settings", "connections", "rolls", "pending", "characters"], live: ["rolls", "pending"] },
  party: { needs: ["characters", "settings"], live: ["characters"] },
  initiative: { needs: ["combat", "settings"], live: ["combat"] },
  criticals: { needs: ["settings", "rules"], live: [] },
  items: { needs: ["items"], live: [] },
  fairness: { needs: ["stats"], live: ["stats"] },
  tables: { needs: ["connections", "commands"], live: ["connections", "commands"] },
  settings: { needs: ["settings"], live: [] },
};

export class TableData {
  constructor(store, api) {
    Object.assign(this, { store, api });
    this.timer = 0;
    this.nudged = 0;
    this.reading = new Map(); // path → the promise of its reading
    this.boards = null;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.beat();
    });
    // A die on stream is the first news of a roll: no need to wait for the next beat.
    store.onLive(({ boards }) => {
      const dice = JSON.stringify(Object.values(boards).filter((board) => ["dice", "party", "initiative"].includes(board.kind)));
      if (this.boards !== null && dice !== this.boards) this.nudge();
      this.boards = dice;
    });
  }

  get table() {
    return this.store.get().table;
  }

  set(patch) {
    this.store.set({ table: { ...this.table, ...patch } });
  }

  /** For another campaign: forget everything and begin anew. */
  restart() {
    clearTimeout(this.timer);
    this.reading.clear();
    this.set({ ...EMPTY, tab: this.table.tab });
    if (this.store.get().campaign) this.beat(true);
  }

  path(part, campaign = this.store.get().campaign) {
    const hidden = part === "stats" && this.table.hiddenStats ? "?hidden=true" : "";
    return `/campaigns/${campaign.id}${PARTS[part].path}${hidden}`;
  }

  /** Reads a part anew. Its failure stands in `troubles`, and what was known stays. */
  load(part) {
    const { campaign } = this.store.get();
    if (!campaign) return Promise.resolve();
    const path = this.path(part, campaign);
    const before = this.reading.get(path);
    if (before) return before;
    const now = this.read(part, path, campaign).finally(() => this.reading.delete(path));
    this.reading.set(path, now);
    return now;
  }

  async read(part, path, campaign) {
    const { all, items } = PARTS[part];
    try {
      const answer = all ? await this.api.all(path) : await this.api.get(path);
      if (this.store.get().campaign?.id !== campaign.id || path !== this.path(part)) return;
      const { [part]: _, ...troubles } = this.table.troubles;
      this.set({ [part]: items ? answer.items : answer, troubles });
    } catch (error) {
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.set({ troubles: { ...this.table.troubles, [part]: error } });
      if (!(error instanceof Unanswered)) console.warn("table", part, error);
    }
  }

  /** Several, anew, at once. */
  loadAll(...parts) {
    return Promise.all(parts.map((part) => this.load(part)));
  }

  choose(tab) {
    this.set({ tab });
    this.beat(true);
  }

  nudge() {
    if (this.nudged || this.store.get().view !== "table") return;
    this.nudged = setTimeout(() => {
      this.nudged = 0;
      this.loadAll(...TABS[this.table.tab].live);
    }, NUDGE_MS);
  }

  /** Reads what the open tab shows. `fresh`: all of it, not only what changes by itself. */
  async beat(fresh = false) {
    clearTimeout(this.timer);
    const { campaign, signedOut, view } = this.store.get();
    if (!campaign || signedOut || document.hidden) return;
    const { needs, live } = TABS[this.table.tab];
    const parts = view !== "table" ? [] : needs.filter((part) => fresh || live.includes(part) || this.isMissing(part));
    await this.loadAll(...new Set(["pending", ...parts]));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beat(), view === "table" ? BEAT_MS : QUIET_MS);
  }

  isMissing(part) {
    return this.table[part] === EMPTY[part] || part in this.table.troubles;
  }

  /** Puts one changed thing into its list, or at the top of it. */
  put(part, thing) {
    const list = this.table[part] ?? [];
    const isKnown = list.some((item) => item.id === thing.id);
    this.set({ [part]: isKnown ? list.map((item) => (item.id === thing.id ? thing : item)) : [thing, ...list] });
  }

  drop(part, id) {
    this.set({ [part]: (this.table[part] ?? []).filter((item) => item.id !== id) });
  }
}
