// <hb-poll>: writes a poll's view (poll_view.js) into the page. All text goes in by textContent, all motion
// is transform and opacity. Class names and their nesting are an interface: docs/overlay-css.md.

import { throwConfetti } from "./confetti.js";
import { Figure } from "./figure.js";
import { percent, short } from "./format.js";
import { EASE_OUT, halt, play, RISE } from "./motion.js";
import { CONFETTI_MS, DIM_MS, ENTER_MS, EXIT_MS, pollView, progress, ROW_STAGGER_MS } from "./poll_view.js";
import { badge, crown, jar, platformMark, ring, RING_LENGTH } from "./shapes.js";
import { box, setClass, setStyle, setText } from "./write.js";

const PULSE_MS = 120;
/** A row answers new votes at most this often. */
const PULSE_EVERY_MS = 1000;
let jars = 0;

class Row {
  #pulsed = -Infinity;
  #votes = null;
  #confetti = null;

  constructor(index, lang) {
    this.fill = box("hb-fill");
    this.label = box("hb-label");
    this.label.dir = "auto";
    this.badge = badge(index);
    const number = document.createElement("span");
    number.className = "hb-number";
    this.sign = document.createElement("span");
    this.sign.className = "hb-sign";
    const count = box("hb-count");
    this.figures = box("hb-figures", box("hb-percent", number, this.sign), count);
    this.percent = new Figure(number, (share) => String(percent(share)));
    this.count = new Figure(count, (votes) => short(votes, lang));
    this.crown = crown();
    this.element = box(
      "hb-row",
      box("hb-lane", this.fill, box("hb-edge")),
      this.badge,
      this.label,
      this.figures,
      this.crown,
    );
    this.element.dataset.option = String(index);
  }

  write(row, view, now, context) {
    const { element } = this;
    setText(this.label, row.label);
    setText(this.sign, row.sign);
    setClass(element, "hb-leads", row.leads);
    setClass(element, "hb-tied", row.tied);
    setClass(element, "hb-wins", row.wins);
    setClass(element, "hb-loses", row.loses);
    setClass(element, "hb-hidden-votes", !row.known);
    setStyle(this.fill, "opacity", row.strength.toFixed(3));
    setStyle(this.fill, "transform", `translateX(${((row.share - 1) * 100).toFixed(3)}%)`);
    this.#writeFigures(row, view, now, context);
    this.#move(row, view, now, context);
  }

  #writeFigures(row, view, now, context) {
    if (!row.known) {
      this.percent.put(0);
      this.count.put(0);
      return;
    }
    const { race } = view.motions;
    if (race !== null && progress(race, now) < 1 && !context.reduced) {
      this.percent.race(row.share, race, now);
      this.count.race(row.votes, race, now);
    } else if (context.still || context.reduced) {
      this.percent.put(row.share);
      this.count.put(row.votes);
    } else {
      this.percent.walk(row.share, now);
      this.count.walk(row.votes, now);
    }
  }

  #move(row, view, now, context) {
    const { motions } = view;
    const rise = { start: motions.rows.start + ROW_STAGGER_MS * row.index, duration: ENTER_MS };
    const from = context.reduced ? { opacity: 0 } : { opacity: 0, transform: "translateY(16px)" };
    play(this.element, "enter", rise, [from, { opacity: 1, ...(context.reduced ? {} : { transform: "none" }) }], now, RISE);
    const race = context.reduced ? null : motions.race;
    play(this.fill, "race", race, [{ transform: "translateX(-100%)" }, {}], now, EASE_OUT);
    const dims = row.loses && motions.reveal !== null ? { start: motions.reveal.start, duration: DIM_MS } : null;
    play(this.element, "dim", dims, [{ opacity: 1 }, {}], now);
    const grows = row.wins && !context.reduced ? motions.reveal : null;
    const growth = [{ transform: "scale(1)" }, { transform: "scale(1.085)", offset: 0.55 }, { transform: "scale(1.06)" }];
    play(this.element, "grow", grows, growth, now, RISE);
    play(this.crown, "crown", grows, [{ transform: "translateY(-18px) scale(.4)", opacity: 0 }, {}], now, RISE);
    this.#celebrate(row, view, now, context);
    this.#pulse(row, view, now, context);
  }

  #celebrate(row, view, now, context) {
    const { confetti } = view.motions;
    const due = row.wins && confetti !== null && !context.reduced && context.attention
      && now >= confetti.start && now < confetti.start + CONFETTI_MS;
    if (due && this.#confetti === null) {
      this.#confetti = box("hb-confetti");
      throwConfetti(this.#confetti, view.key, confetti, now);
      this.element.append(this.#confetti);
    } else if (!due && this.#confetti !== null) {
      this.#confetti.remove();
      this.#confetti = null;
    }
  }

  #pulse(row, view, now, context) {
    const more = this.#votes !== null && row.votes !== null && row.votes > this.#votes;
    this.#votes = row.votes;
    if (!more || !view.live || context.still || context.reduced || !context.attention) return;
    if (now - this.#pulsed < PULSE_EVERY_MS) return;
    this.#pulsed = now;
    this.badge.animate([{ transform: "none" }, { transform: "scale(1.1)" }, { transform: "none" }], PULSE_MS);
  }
}

export class HbPoll extends HTMLElement {
  #built = "";
  #parts = null;
  #seconds = null;
  #walking = false;
  /** The frame that paints what was written without transitions; 0 once it is on screen. */
  #firstFrame = 0;

  /**
   * Draws `board` as of server time `now` and returns its view.
   * `context`: `lang`, `wide`, `tall`, `mark` (see pollView), `reduced`, `still` (no transitions: the first
   * paint, or the page was hidden), `attention` (may this widget ask for it?), `clock` (StageClock).
   */
  render(board, now, context) {
    const view = pollView(board, now, context);
    const shape = [view.key, view.lang, view.rows.map((row) => row.index).join()].join("|");
    const fresh = context.still || shape !== this.#built;
    // Nothing walks away from numbers that nobody has seen: on a busy machine the first frame may come after
    // several states, and halfway between two of them the percentages would not be those of the counts.
    const still = fresh || this.#firstFrame !== 0;
    if (fresh) this.#awaitFrame();
    if (shape !== this.#built) this.#build(view, shape);
    if (still) this.classList.add("hb-still");
    this.#write(view, now, { ...context, still });
    if (still) {
      this.#walking = false;
      // The styles must be taken in before transitions are allowed again.
      void this.offsetWidth;
      this.classList.remove("hb-still");
    }
    if (!this.#walking && !still) this.#walk(context.clock);
    else if (!this.#walking && view.motions.race !== null) this.#walk(context.clock);
    return view;
  }

  #awaitFrame() {
    cancelAnimationFrame(this.#firstFrame);
    this.#firstFrame = requestAnimationFrame(() => { this.#firstFrame = 0; });
  }

  /** Leaves the stage, beginning now; the stage removes the element `EXIT_MS` later. */
  leave(now, reduced) {
    play(this, "leave", { start: now, duration: EXIT_MS }, exitFrames(reduced), now, "ease-in", true);
  }

  #build(view, shape) {
    this.#built = shape;
    this.#seconds = null;
    this.classList.add("hb-poll");
    halt(this);
    const question = box("hb-question");
    question.dir = "auto";
    const status = box("hb-status");
    const shimmer = box("hb-shimmer", box("hb-shimmer-light"));
    const platforms = box("hb-platforms");
    const ringText = box("hb-ring-text");
    const dial = box("hb-ring", ring(), ringText);
    const rows = view.rows.map((row) => new Row(row.index, view.lang));
    const rowBox = box("hb-rows", ...rows.map((row) => row.element));
    const jarDrawing = jar(`hb-jar-${++jars}`);
    const jarCount = box("hb-jar-count");
    const jarCaption = box("hb-jar-caption");
    const jarBox = box("hb-jar", jarDrawing, jarCount, jarCaption);
    const footers = box("hb-footers");
    const mark = box("hb-mark");
    const card = box(
      "hb-card",
      question,
      box("hb-head", status, platforms, dial, shimmer),
      box("hb-board", rowBox, jarBox),
      footers,
    );
    this.#parts = {
      mark, card, question, status, shimmer, platforms, dial, ringText, rows, rowBox, jarBox, jarCount,
      jarCaption, footers,
      arc: dial.querySelector(".hb-ring-arc"),
      jarLevel: jarDrawing.querySelector(".hb-jar-level"),
    };
    this.replaceChildren(mark, card);
  }

  #write(view, now, context) {
    const parts = this.#parts;
    this.dataset.phase = view.phase;
    setClass(this, "hb-live", view.live);
    setClass(this, "hb-sealed", view.sealed);
    setClass(this, "hb-tie", view.tied);
    setClass(this, "hb-reduced", context.reduced);
    setClass(this, "hb-gone", !view.visible);
    setStyle(this, "width", `${view.width}px`);
    setText(parts.mark, view.mark ?? "");
    parts.mark.hidden = view.mark === null;
    setText(parts.question, view.question);
    this.#writeStatus(view, now);
    this.#writeRing(view, context);
    const perColumn = Math.ceil(view.rows.length / view.columns);
    setStyle(parts.rowBox, "gridTemplateRows", `repeat(${perColumn}, var(--hb-row-height, 66px))`);
    setClass(parts.rowBox, "hb-two-columns", view.columns === 2);
    view.rows.forEach((row, i) => parts.rows[i].write(row, view, now, context));
    this.#writeJar(view, now, context);
    this.#writeFooters(view);
    const enter = context.reduced ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}];
    play(this, "enter", view.motions.enter, enter, now, RISE);
    play(this, "exit", view.motions.exit, exitFrames(context.reduced), now, "ease-in", true);
  }

  #writeStatus(view, now) {
    const { status, shimmer, platforms } = this.#parts;
    status.className = `hb-status hb-status-${view.status.kind}`;
    const text = view.status.parts.map((part) => `${part.strong ? "*" : ""}${part.text}`).join("|");
    if (status.dataset.text !== text) {
      status.dataset.text = text;
      const spans = view.status.parts.map((part) => {
        const span = document.createElement(part.strong ? "b" : "span");
        span.textContent = part.text;
        return span;
      });
      status.replaceChildren(...spans);
    }
    if (platforms.dataset.marks !== view.glyphs.join()) {
      platforms.dataset.marks = view.glyphs.join();
      platforms.replaceChildren(...view.glyphs.map(platformMark));
    }
    const { counting } = view.motions;
    if (counting !== null && shimmer.hidden !== false) {
      shimmer.firstChild.style.animationDelay = `${-Math.round((now - counting.start) % counting.duration)}ms`;
    }
    shimmer.hidden = counting === null;
  }

  #writeRing(view, context) {
    const { dial, ringText, arc } = this.#parts;
    dial.hidden = view.ring === null;
    if (view.ring === null) return;
    setText(ringText, view.ring.text);
    setClass(dial, "hb-ring-gold", view.ring.gold);
    setClass(dial, "hb-ring-long", view.ring.text.length > 3);
    setClass(dial, "hb-ring-lock", view.ring.icon === "lock");
    arc.setAttribute("stroke-dashoffset", (RING_LENGTH * (1 - view.ring.fraction)).toFixed(2));
    const ticks = view.ring.gold && this.#seconds !== null && view.ring.seconds !== this.#seconds;
    this.#seconds = view.ring.seconds;
    if (!ticks || context.still || context.reduced || !context.attention) return;
    dial.animate([{ transform: "none" }, { transform: "scale(1.12)", offset: 0.3 }, { transform: "none" }], 260);
  }

  #writeJar(view, now, context) {
    const { jarBox, jarCount, jarCaption, jarLevel } = this.#parts;
    jarBox.hidden = view.jar === null;
    if (view.jar === null) return;
    setClass(jarBox, "hb-jar-small", view.rows.length / view.columns <= 2);
    setText(jarCount, view.jar.count);
    setText(jarCaption, view.jar.caption);
    setStyle(jarLevel, "transform", `translateY(${(106 - 84 * view.jar.level).toFixed(2)}px)`);
    const { race } = view.motions;
    const fades = race === null ? null : { start: race.start, duration: DIM_MS };
    play(jarBox, "fade", fades, [{ opacity: 1 }, { opacity: 0 }], now);
    setClass(jarBox, "hb-jar-leaving", race !== null && now >= race.start && !context.reduced);
  }

  #writeFooters(view) {
    const { footers } = this.#parts;
    const text = view.footers.join("\n");
    if (footers.dataset.text === text) return;
    footers.dataset.text = text;
    footers.replaceChildren(...view.footers.map((line) => box("hb-footer", line)));
  }

  /** Draws the numbers that are walking, frame by frame, until none is. */
  #walk(clock) {
    const figures = this.#parts.rows.flatMap((row) => [row.percent, row.count]);
    if (!figures.map((figure) => figure.step(clock.now())).some(Boolean)) return;
    this.#walking = true;
    clock.frames((now) => {
      const current = this.#parts.rows.flatMap((row) => [row.percent, row.count]);
      this.#walking = this.isConnected && current.map((figure) => figure.step(now)).some(Boolean);
      return this.#walking;
    });
  }
}

function exitFrames(reduced) {
  return reduced ? [{ opacity: 1 }, { opacity: 0 }] : [{ opacity: 1, transform: "none" }, { opacity: 0, transform: "translateY(12px)" }];
}

customElements.define("hb-poll", HbPoll);
