// The desk's live connection: the overlay's own, opened with a ticket that is fetched for every try.

import { LiveConnection } from "../overlay/live.js";
import { fromBoard } from "./show.js";
import { setOffset } from "./time.js";

const AGAIN_MS = 1500; // a refused ticket: the session may be over (then the ticket call says so), or the ticket was late

export class Link {
  constructor(store, api, actions) {
    Object.assign(this, { store, api, actions });
    this.live = null;
    this.again = 0;
    addEventListener("online", () => this.live?.hurry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.live?.hurry();
    });
  }

  start() {
    this.stop();
    const { campaign } = this.store.get();
    const live = new LiveConnection({
      // Nobody pressed for a ticket: when one takes long there is nothing to say about it.
      key: async () => (await this.api.post("/live-tickets", { campaign_id: campaign.id }, () => () => {})).ticket,
      client: { kind: "desk", name: "desk" },
    });
    this.live = live;
    this.store.set({ link: { state: "connecting", since: Date.now() } });
    live.addEventListener("boards", () => {
      if (this.live === live && live.state !== "revoked") this.take(live);
    });
    live.addEventListener("time", () => this.tellTime(live));
    live.addEventListener("state", () => this.follow(live));
    live.start();
  }

  stop() {
    clearTimeout(this.again);
    this.live?.stop();
    this.live = null;
  }

  take(live) {
    this.tellTime(live);
    this.store.set({ boards: live.boards });
    const board = Object.values(live.boards).find((item) => item.kind === "poll");
    this.actions.adoptLive(board ? fromBoard(board) : null);
  }

  tellTime(live) {
    setOffset(live.offset);
    this.store.set({ offset: live.offset });
  }

  follow(live) {
    if (this.live !== live) return;
    if (live.state === "live") this.store.set({ link: { state: "live", since: Date.now() } });
    else if (live.state === "lost" || live.state === "revoked") {
      const since = live.heardAt || this.store.get().link.since;
      this.store.set({ link: { state: "lost", since } });
    }
    if (live.state === "revoked") this.again = setTimeout(() => this.start(), AGAIN_MS);
  }
}
