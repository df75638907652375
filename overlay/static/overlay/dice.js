// <hb-dice>: the card, the rows and "+6 more". Writes a view of dice_view.js into the page; all text goes in by
// textContent, all motion is transform and opacity. Class names are an interface: docs/overlay-css.md.

import { dieBody, dieKind, diceCup, heap, tick, waxSeal } from "./dice_shapes.js";
import { diceView, EXIT_MS } from "./dice_view.js";
import { die } from "./die.js";
import { play, RISE } from "./motion.js";
import { RollCard } from "./roll_card.js";
import { words } from "./words.js";
import { box, line, setClass, setData, setStyle, setText } from "./write.js";

const ROW_DIE = 46;

class RollRow {
  #version = "";

  constructor() {
    this.drawing = box("hb-line-drawing");
    this.name = line("hb-line-name");
    this.label = line("hb-line-label");
    this.verdict = box("hb-line-verdict");
    this.total = box("hb-line-total");
    this.element = box("hb-card hb-line", this.drawing, box("hb-line-who", this.name, this.label), this.verdict, this.total);
  }

  write(row, now, context) {
    const { roll, motions } = row;
    const { element } = this;
    if (roll.version !== this.#version) this.#rewrite(roll);
    this.#version = roll.version;
    element.style.setProperty("--hb-place", String(row.place - 1));
    setClass(element, "hb-rolling", !row.settled);
    setClass(element, "hb-leaving", row.leaving);
    const calm = context.reduced || !context.attention;
    play(element, "enter", motions.enter, calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(14px)" }, {}], now, RISE);
    play(element, "exit", motions.exit, [{ opacity: 1 }, { opacity: 0 }], now, "ease-in", true);
    const spin = [{ transform: "rotate(-200deg) scale(.7)" }, {}];
    play(this.drawing, "tumble", calm ? null : motions.tumble, spin, now, "ease-out");
    play(this.total, "punch", motions.punch, calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "scale(1.4)" }, {}], now, "ease-out");
  }

  #rewrite(roll) {
    const { critical } = roll;
    setData(this.element, "outcome", critical === null ? null : critical.failure ? "failure" : "success");
    setData(this.element, "severity", critical?.severity ?? null);
    setData(this.element, "kind", roll.kind);
    setText(this.name, roll.name);
    setText(this.label, critical !== null ? critical.word : roll.label || roll.formula);
    setText(this.total, roll.kind === "secret" ? roll.seal ?? "" : roll.figure.text);
    setStyle(this.total, "fontSize", roll.kind === "secret" ? "" : `${Math.min(44, roll.figure.size)}px`);
    setData(this.verdict, "verdict", roll.verdict);
    this.verdict.replaceChildren(...(roll.verdict === null ? [] : [tick(roll.verdict === "success")]));
    this.drawing.replaceChildren(rowDrawing(roll));
  }
}

function rowDrawing(roll) {
  if (roll.kind === "secret") return roll.seal === null ? diceCup() : waxSeal("");
  if (roll.single !== null) return die({ ...roll.single, result: null, extra: false, exploded: false, negative: false }, ROW_DIE);
  const first = roll.tiles.list[0];
  const blank = box("hb-die", dieBody(first === undefined ? 20 : dieKind(first.sides)));
  setStyle(blank, "width", `${ROW_DIE}px`);
  setStyle(blank, "height", `${ROW_DIE}px`);
  blank.style.setProperty("--hb-die-px", `${(100 / ROW_DIE).toFixed(3)}px`);
  return blank;
}

export class HbDice extends HTMLElement {
  #cards = new Map();
  #rows = new Map();
  #parts = null;

  /**
   * Draws `board` as of server time `now` and returns its view. `context` as for <hb-poll>; `stacked`: the rows
   * stand over the card and not beside it.
   */
  render(board, now, context) {
    const view = diceView(board, now, context);
    if (this.#parts === null) this.#build();
    const full = { ...context, say: words(view.lang) };
    setClass(this, "hb-reduced", context.reduced);
    setClass(this, "hb-gone", !view.visible);
    setClass(this, "hb-stacked", context.stacked === true);
    setClass(this, "hb-marked", context.mark === "test" || view.cards.some((card) => card.roll.mark !== null));
    setClass(this, "hb-shouting", view.cards.some((card) => card.roll.critical !== null && card.told && !card.leaving));
    sync(this.#cards, view.cards, this.#parts.cards, (card) => new RollCard(card.key), now, full);
    sync(this.#rows, view.rows, this.#parts.rows, () => new RollRow(), now, full);
    this.#writeMore(view.more);
    return { ...view, motions: { exit: null } };
  }

  /** Leaves the stage, beginning now; the stage removes the element a little later. */
  leave(now) {
    play(this, "leave", { start: now, duration: EXIT_MS }, [{ opacity: 1 }, { opacity: 0 }], now, "ease-in", true);
  }

  #build() {
    this.classList.add("hb-dice");
    const count = box("hb-more-count");
    const criticals = box("hb-more-criticals");
    const more = box("hb-more", heap(), count, criticals);
    const codes = box("hb-more-codes");
    const seals = box("hb-more hb-more-seals", waxSeal(""), codes);
    this.#parts = { cards: box("hb-dice-card"), rows: box("hb-dice-rows"), more, count, criticals, seals, codes };
    this.#parts.rows.append(more, seals);
    this.replaceChildren(this.#parts.cards, this.#parts.rows);
  }

  #writeMore(more) {
    const { more: element, count, criticals, seals, codes } = this.#parts;
    element.hidden = more === null;
    seals.hidden = (more?.seals.length ?? 0) === 0;
    setText(codes, more?.seals.join(" ") ?? "");
    if (more === null) return;
    setText(count, more.text);
    setText(criticals, more.criticals);
    criticals.hidden = more.criticals === "";
  }
}

/** Makes the elements of `parts` in `parent`, and no others, show what `views` say. */
function sync(parts, views, parent, create, now, context) {
  const present = new Set(views.map((view) => view.key));
  for (const [key, part] of [...parts]) {
    if (present.has(key)) continue;
    part.element.remove();
    parts.delete(key);
  }
  for (const view of views) {
    let part = parts.get(view.key);
    if (part === undefined) {
      part = create(view);
      parts.set(view.key, part);
      parent.append(part.element);
    }
    part.write(view, now, context);
  }
}

customElements.define("hb-dice", HbDice);
