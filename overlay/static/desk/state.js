// What the desk knows, in one place. Views read it and are told (once per frame) when it changed.

import { EMPTY as NOBODY } from "./people/empty.js";
import { EMPTY as UNSUPPORTED } from "./support/empty.js";
import { EMPTY } from "./table/empty.js";
import { fingerDown, whenLifted } from "./touch.js";

const initial = {
  session: null, // {user, csrf, build, version, demo}
  signedOut: false,
  campaigns: [],
  campaign: null,
  link: { state: "connecting", since: Date.now() }, // connecting | live | lost; since: last heard
  boards: {}, // what the server sends to every overlay, drawn by the preview
  offset: 0, // server clock − this clock, ms
  roundTrip: null, // ms the last status took there and back
  show: null, // the running poll as show.js shapes it, or null
  lastAction: null, // {pollId, kind}: a press on its way to the server
  rundowns: null, // null = not loaded yet
  rundownId: null,
  drafts: null,
  templates: null,
  history: { items: null, next: null },
  channels: null,
  overlays: null,
  status: null,
  statusAt: 0, // Date.now() when status was answered; 0 = never
  statusError: null,
  preflight: null,
  links: {}, // overlay id → its secret url, kept only until the page goes
  tab: "rundown",
  view: "show", // what stands beside "Now": show (Next and Health) | table | support | people
  table: EMPTY, // the game's own table, as table/data.js reads it
  people: NOBODY, // who takes part, as people/zone.js reads it
  support: UNSUPPORTED, // what viewers give, as support/data.js reads it
  safe: false,
};

export class Store {
  constructor() {
    this.value = { ...initial };
    this.calm = new Set(); // redrawn only while no finger is down: nothing jumps below it
    this.live = new Set(); // numbers in fixed places: always
    this.frame = 0;
    this.waiting = false;
  }

  get() {
    return this.value;
  }

  set(patch) {
    this.value = { ...this.value, ...patch };
    this.redraw();
  }

  /** Draws once before the next frame; a hidden page has no frames, so a timer stands in. */
  redraw() {
    if (this.frame) return;
    const draw = () => {
      this.frame = 0;
      this.drawNow();
    };
    this.frame = document.hidden ? setTimeout(draw, 200) : requestAnimationFrame(draw);
  }

  drawNow() {
    for (const view of this.live) view(this.value);
    if (fingerDown()) {
      if (this.waiting) return;
      this.waiting = true;
      whenLifted(() => {
        this.waiting = false;
        this.redraw();
      });
      return;
    }
    for (const view of this.calm) view(this.value);
  }

  /** `view(state)` runs after changes, but never while a finger or mouse button is down. */
  onCalm(view) {
    this.calm.add(view);
  }

  /** `view(state)` runs after every change; it must not move what can be pressed. */
  onLive(view) {
    this.live.add(view);
  }
}
