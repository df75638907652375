// What the desk reads of supporters: while it is open every few seconds, and at once when an alert comes on stream.

import { mayRun } from "./words.js";
import { EMPTY } from "./empty.js";

const BEAT_MS = 3000;
const NUDGE_MS = 300;
const ENTRIES = 30;

export class SupportData {
  constructor(store, api) {
    Object.assign(this, { store, api });
    this.timer = 0;
    this.nudged = 0;
    this.alerts = null;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.beat();
    });
    store.onLive(({ boards }) => {
      const alerts = JSON.stringify(Object.values(boards).filter(({ kind }) => kind === "alert"));
      if (this.alerts !== null && alerts !== this.alerts) this.nudge();
      this.alerts = alerts;
    });
  }

  get known() {
    return this.store.get().support;
  }

  get isOpen() {
    const { campaign, signedOut, view } = this.store.get();
    return campaign && !signedOut && view === "support" && !document.hidden;
  }

  set(patch) {
    this.store.set({ support: { ...this.known, ...patch } });
  }

  nudge() {
    if (this.nudged || !this.isOpen) return;
    this.nudged = setTimeout(() => {
      this.nudged = 0;
      this.beat();
    }, NUDGE_MS);
  }

  /** Reads what changes by itself, and what was not read yet. */
  async beat() {
    clearTimeout(this.timer);
    if (!this.isOpen) return;
    const { campaign } = this.store.get();
    const show = `/campaigns/${campaign.id}`;
    const reading = [
      this.read("feed", async () => (await this.api.get(`${show}/support?limit=${ENTRIES}`)).items),
      this.read("totals", () => this.api.get(`${show}/support/totals`)),
    ];
    if (this.known.rules === EMPTY.rules) reading.push(this.load("rules"));
    if (mayRun(campaign)) reading.push(this.load("pages"));
    await Promise.all(reading);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beat(), BEAT_MS);
  }

  /** One part anew. */
  load(part) {
    const show = `/campaigns/${this.store.get().campaign.id}`;
    switch (part) {
      case "rules": return this.read("rules", async () => (await this.api.get(`${show}/alert-rules`)).items);
      case "pages": return this.read("pages", () => this.api.all(`${show}/donation-connections`));
      default: return this.beat();
    }
  }

  async read(part, ask) {
    const { campaign } = this.store.get();
    try {
      const answer = await ask();
      if (this.store.get().campaign?.id !== campaign.id) return;
      const { [part]: _, ...troubles } = this.known.troubles;
      this.set({ [part]: answer, troubles });
    } catch (error) {
      if (this.store.get().campaign?.id !== campaign.id) return;
      this.set({ troubles: { ...this.known.troubles, [part]: error } });
    }
  }

  put(page) {
    const pages = this.known.pages ?? [];
    const isKnown = pages.some(({ id }) => id === page.id);
    this.set({ pages: isKnown ? pages.map((one) => (one.id === page.id ? page : one)) : [...pages, page] });
  }

  putRule(rule) {
    this.set({ rules: this.known.rules.map((one) => (one.kind === rule.kind ? rule : one)) });
  }

  drop(id) {
    this.set({ pages: (this.known.pages ?? []).filter((page) => page.id !== id) });
  }
}
