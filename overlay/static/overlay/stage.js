// <hb-stage>: 1920×1080 logical pixels (1080×1920 upright) scaled into whatever box the element has, with
// the widgets of the boards it is given. The overlay page gives it the whole window, the desk a small frame.
//
//   stage.layout = {theme, anchor, scale, motion, lang, stage, widgets}   every part optional
//   stage.boards = {board_id: board, …}                                   whole boards, as the server sent them
//   stage.offset = ms                                                     server time minus Date.now()

import { StageClock } from "./clock.js";
import { cast, nextHandover } from "./director.js";
import { markTime } from "./motion.js";
import { arrange, homes, placeOf, stageBox } from "./place.js";
import { EXIT_MS } from "./poll_view.js";
import { WIDGETS } from "./widgets.js";
import { language, words } from "./words.js";

export const THEMES = Object.freeze(["night", "paper", "arcade"]);

const SHEETS = ["./stage.css", "./poll.css", "./dice.css", "./table.css", "./alert.css", ...THEMES.map((theme) => `../themes/${theme}.css`)];

function linkSheets() {
  const present = new Set(Array.from(document.querySelectorAll("link[rel=stylesheet]"), (link) => link.href));
  for (const sheet of SHEETS) {
    const { href } = new URL(sheet, import.meta.url);
    if (present.has(href)) continue;
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    document.head.prepend(link);
  }
}

export class HbStage extends HTMLElement {
  #clock = new StageClock(() => this.#render());
  #boards = {};
  #layout = {};
  #overrides = {};
  #actors = new Map(); // board id → {kind, element, place, view, leavesAt}
  #test = null; // {id, board, until}
  #asleep = false;
  #scale = 1; // real pixels per logical one
  #themed = this;
  #canvas = document.createElement("div");
  #safe = document.createElement("div");
  #chip = document.createElement("div");
  #box = new ResizeObserver(() => this.#fit());
  #sizes = new ResizeObserver(() => this.#fitPlaces());
  #failed = new Map(); // board id → the very board that could not be drawn

  constructor() {
    super();
    this.#canvas.className = "hb-canvas";
    this.#safe.className = "hb-safe";
    this.#chip.className = "hb-chip";
    this.#chip.hidden = true;
    this.#safe.append(this.#chip);
    this.#canvas.append(this.#safe);
  }

  connectedCallback() {
    linkSheets();
    this.classList.add("hb-stage");
    if (this.#canvas.parentNode !== this) this.append(this.#canvas);
    this.#box.observe(this);
    this.#applyLayout();
    this.#render(true);
  }

  disconnectedCallback() {
    this.#clock.stop();
    this.#box.disconnect();
  }

  /** All boards of the campaign by id; kinds nobody here can draw are passed over. */
  set boards(boards) {
    this.#boards = boards ?? {};
    this.#render();
  }

  get boards() {
    return this.#boards;
  }

  /** The overlay's settings as the server has them (snapshot.layout). */
  set layout(layout) {
    if (layout === this.#layout) return;
    this.#layout = layout ?? {};
    this.#applyLayout();
    this.#render();
  }

  get layout() {
    return this.#layout;
  }

  /** Settings that win over the layout: what the page's address says. */
  set overrides(overrides) {
    this.#overrides = overrides ?? {};
    this.#applyLayout();
    this.#render();
  }

  /** Server time minus local time, ms. */
  set offset(offset) {
    if (offset === this.#clock.offset) return;
    this.#clock.offset = offset;
    this.#render();
  }

  get offset() {
    return this.#clock.offset;
  }

  /** "live", "stale" (live numbers are dimmed) or "lost" (live bars are gone): how fresh the boards are. */
  set freshness(freshness) {
    this.dataset.hbFreshness = freshness;
  }

  /** A sleeping stage draws nothing; on waking it shows the present state at once, without motions. */
  set asleep(asleep) {
    if (asleep === this.#asleep) return;
    this.#asleep = asleep;
    if (asleep) this.#clock.stop();
    else this.#render(true);
  }

  /** The element that carries `data-hb-theme`: the page's root in OBS, so that pasted CSS can win on :root. */
  set themed(element) {
    delete this.#themed.dataset.hbTheme;
    this.#themed = element;
    this.#applyLayout();
  }

  /** Whether nothing is to be seen. */
  get idle() {
    return this.#test === null && [...this.#actors.values()].every((actor) => actor.view?.visible !== true);
  }

  /** Draws a sample board, marked as a test, for `ttl` ms; beside a real board only a small sign of life. */
  showTest(board, ttl) {
    this.#test = { id: `test:${board?.poll_id ?? ""}`, board, until: this.#clock.now() + ttl };
    this.#render();
  }

  #setting(name) {
    return this.#overrides[name] ?? this.#layout[name] ?? null;
  }

  #applyLayout() {
    const theme = this.#setting("theme");
    this.#themed.dataset.hbTheme = THEMES.includes(theme) ? theme : "night";
    this.dataset.hbMotion = this.#reduced ? "reduced" : "full";
    this.#fit();
  }

  get #reduced() {
    return ["reduced", "none"].includes(this.#setting("motion"));
  }

  #render(still = false) {
    if (this.#asleep || !this.isConnected) return;
    const now = this.#clock.now();
    markTime(now);
    if (this.#test !== null && now >= this.#test.until) this.#test = null;
    const actors = cast(this.#boards, WIDGETS, this.#setting("widgets"), now);
    const due = this.#test === null ? [] : [this.#test.until];
    const handover = nextHandover(actors, now);
    if (handover !== null) due.push(handover);
    const onStage = new Set();
    for (const actor of actors) {
      const view = this.#draw(actor, now, still, null);
      if (view === null) continue;
      onStage.add(actor.id);
      if (view.nextChange !== null) due.push(view.nextChange);
    }
    due.push(...this.#drawTest(now, still, onStage));
    due.push(...this.#dismiss(onStage, now, still));
    this.#clock.wake(due.length > 0 ? Math.min(...due) : null);
  }

  #draw({ id, kind, board, widget, attention }, now, still, mark) {
    if (this.#failed.get(id) === board) return null;
    let actor = this.#actors.get(id);
    if (actor === undefined || actor.leavesAt !== null) {
      this.#remove(id);
      actor = this.#enter(id, kind, widget);
    }
    const place = placeOf(this.#setting("anchor"), this.#upright);
    const [home] = this.#homes(kind);
    try {
      actor.view = actor.element.render(board, now, {
        lang: this.#setting("lang") ?? navigator.language,
        reduced: this.#reduced,
        wide: place.wide,
        tall: this.#upright,
        stacked: this.#upright || !/left|right/.test(home),
        clock: this.#clock,
        mark,
        still,
        attention,
      });
    } catch (error) {
      // One broken board must not take the others off the stream.
      console.error(`hubbub: a ${board.kind} board could not be drawn: ${error.message}`);
      this.#failed.set(id, board);
      this.#remove(id);
      return null;
    }
    return actor.view;
  }

  #drawTest(now, still, onStage) {
    const real = [...onStage].some((id) => this.#actors.get(id).view.visible);
    const test = this.#test;
    this.#chip.hidden = test === null || !real;
    if (test === null) return [];
    if (real) {
      this.#chip.textContent = words(language(this.#setting("lang") ?? navigator.language)).connected;
      return [];
    }
    const [actor] = cast({ [test.id]: test.board }, WIDGETS, null, now);
    const view = actor === undefined ? null : this.#draw(actor, now, still, "test");
    if (view === null) return [];
    onStage.add(test.id);
    return view.nextChange === null ? [] : [view.nextChange];
  }

  /** Sends off what is on stage without a board; returns when they will be gone. */
  #dismiss(onStage, now, still) {
    const due = [];
    for (const [id, actor] of [...this.#actors]) {
      if (onStage.has(id)) continue;
      if (actor.leavesAt === null) {
        const exit = actor.view?.motions?.exit ?? null;
        const exiting = exit !== null && now >= exit.start;
        actor.leavesAt = exiting ? exit.start + EXIT_MS : now + EXIT_MS;
        if (!exiting) actor.element.leave(now, this.#reduced);
      }
      if (still || now >= actor.leavesAt || actor.view?.visible !== true) this.#remove(id);
      else due.push(actor.leavesAt);
    }
    return due;
  }

  /** Whether this source shows one kind of widget and no other. */
  get #alone() {
    return this.#setting("widgets")?.length === 1;
  }

  #homes(kind) {
    return homes(kind, { anchor: this.#setting("anchor"), upright: this.#upright, alone: this.#alone });
  }

  #enter(id, kind, widget) {
    const place = document.createElement("div");
    place.className = "hb-place";
    const element = widget.create();
    place.append(element);
    this.#safe.append(place);
    this.#sizes.observe(element);
    const actor = { kind, element, place, view: null, leavesAt: null };
    this.#actors.set(id, actor);
    return actor;
  }

  #remove(id) {
    const actor = this.#actors.get(id);
    if (actor === undefined) return;
    this.#sizes.unobserve(actor.element);
    actor.place.remove();
    this.#actors.delete(id);
    // Whoever stays may have its first home free again, and more room.
    this.#fitPlaces();
  }

  get #upright() {
    return this.dataset.hbStage === "vertical";
  }

  #fit() {
    const width = this.clientWidth;
    const height = this.clientHeight;
    if (width === 0 || height === 0) return;
    const stage = stageBox(width, height, this.#setting("stage"));
    const turned = this.dataset.hbStage !== stage.name;
    this.dataset.hbStage = stage.name;
    this.#scale = stage.scale;
    Object.assign(this.#canvas.style, {
      width: `${stage.width}px`,
      height: `${stage.height}px`,
      transform: `scale(${stage.scale})`,
    });
    this.dataset.hbAnchor = placeOf(this.#setting("anchor"), this.#upright).name;
    if (turned) this.#render(true);
    this.#fitPlaces();
  }

  /** Gives every widget its place, scaled as wished, but never beyond the safe area nor over another. */
  #fitPlaces() {
    const room = { width: this.#safe.clientWidth, height: this.#safe.clientHeight };
    const scale = Math.min(1.6, Math.max(0.6, Number(this.#setting("scale")) || 1));
    // An upright picture is watched on a phone held upright: a third larger would still be small.
    const wish = this.#upright ? scale * 1.2 : scale;
    // A source that shows one widget is often small (600 × 300): there the widget keeps its own pixels.
    const alone = this.#overrides.widgets?.length === 1 && this.#scale < 1;
    const seen = [...this.#actors.values()].filter(({ element }) => element.offsetWidth > 0);
    const items = seen.map(({ kind, element }) => ({
      kind,
      width: element.offsetWidth,
      height: element.offsetHeight,
      scale: alone ? wish / this.#scale : wish,
      homes: this.#homes(kind),
    }));
    arrange(room, items).forEach((found, i) => {
      const { place } = seen[i];
      place.dataset.hbAnchor = found.anchor;
      place.style.transform = `scale(${found.scale.toFixed(4)})`;
      place.style.marginBottom = found.lift > 0 ? `${found.lift.toFixed(1)}px` : "";
    });
  }
}

customElements.define("hb-stage", HbStage);
