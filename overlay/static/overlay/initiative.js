// <hb-initiative>: whose turn it is and who follows. Writes a view of initiative_view.js.

import { initiativeView } from "./initiative_view.js";
import { play, RISE } from "./motion.js";
import { svg } from "./shapes.js";
import { box, line, setClass, setData, setText } from "./write.js";

const ENTER_MS = 360;
const EXIT_MS = 240;

// Told apart without colours: heroes have a shield, monsters claws, all others a ring.
const SIGNS = {
  pc: ["M4 3H20V12C20 17 16 20 12 22C8 20 4 17 4 12Z"],
  monster: ["M5 3C5 10 4 15 7 21M12 3C12 10 11 15 13 21M19 3C19 10 18 15 19 21"],
  npc: ["M12 4a8 8 0 1 1-.1 0Z"],
};

class Row {
  constructor() {
    this.arrow = svg("svg", { class: "hb-turn-arrow", viewBox: "0 0 24 24", width: 24, height: 24 },
      svg("path", { d: "M5 3L21 12L5 21Z", class: "hb-turn-arrow-shape" }));
    this.initiative = box("hb-turn-initiative");
    this.name = line("hb-turn-name");
    this.sign = box("hb-turn-sign");
    this.strike = svg("svg", { class: "hb-turn-strike", viewBox: "0 0 24 24", width: 24, height: 24 },
      svg("path", { d: "M4 4L20 20M20 4L4 20", class: "hb-turn-strike-line" }));
    this.element = box("hb-turn", this.arrow, this.initiative, this.name, this.sign, this.strike);
  }

  write(row, view, now, context) {
    const { element } = this;
    setText(this.initiative, row.initiative);
    setText(this.name, row.name);
    setClass(element, "hb-current", row.current);
    setClass(element, "hb-defeated", row.defeated);
    setClass(element, "hb-concealed", row.concealed);
    if (this.sign.dataset.type !== String(row.type)) {
      setData(this.sign, "type", String(row.type));
      const drawing = row.type === null ? [] : [svg("svg", { viewBox: "0 0 24 24", width: 24, height: 24 },
        ...SIGNS[row.type].map((d) => svg("path", { d, class: "hb-turn-sign-line" })))];
      this.sign.replaceChildren(...drawing);
    }
    const turn = row.current ? view.motions.turn : null;
    const calm = context.reduced || !context.attention;
    play(element, "turn", turn, calm ? [{ opacity: 0.4 }, {}] : [{ transform: "scale(1)" }, { transform: "scale(1.11)", offset: 0.6 }, {}], now, RISE);
    play(this.arrow, "turn", calm ? null : turn, [{ opacity: 0, transform: "translateX(-14px)" }, {}], now, RISE);
  }
}

export class HbInitiative extends HTMLElement {
  #rows = new Map();
  #parts = null;
  #seen = false;

  /** As <hb-poll>. */
  render(board, now, context) {
    const view = initiativeView(board, now, context);
    if (this.#parts === null) this.#build();
    const { title, above, below, list } = this.#parts;
    setClass(this, "hb-reduced", context.reduced);
    setText(title, view.title);
    for (const [element, text] of [[above, view.above], [below, view.below]]) {
      setText(element.lastChild, text);
      element.hidden = text === "";
    }
    const wanted = new Set(view.rows.map(({ id }) => id));
    for (const [id, row] of [...this.#rows]) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    view.rows.forEach((row, i) => {
      if (!this.#rows.has(row.id)) this.#rows.set(row.id, new Row());
      const part = this.#rows.get(row.id);
      if (list.children[i] !== part.element) list.insertBefore(part.element, list.children[i] ?? null);
      part.write(row, view, now, context);
    });
    if (!this.#seen && !context.still) {
      play(this, "enter", { start: now, duration: ENTER_MS }, context.reduced ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}], now, RISE);
    }
    this.#seen = true;
    return view;
  }

  #build() {
    this.classList.add("hb-initiative");
    const title = line("hb-turns-title");
    const counts = ["M6 16L14 8L22 16", "M6 10L14 18L22 10"].map((d) => box("hb-turns-count",
      svg("svg", { viewBox: "0 0 28 26", width: 28, height: 26 }, svg("path", { d, class: "hb-turns-way" })), box("hb-turns-number")));
    const list = box("hb-turns");
    this.#parts = { title, above: counts[0], below: counts[1], list };
    this.replaceChildren(box("hb-card hb-turns-card", box("hb-turns-head", title, ...counts), list));
  }

  leave(now, reduced) {
    const to = reduced ? { opacity: 0 } : { opacity: 0, transform: "translateY(12px)" };
    play(this, "leave", { start: now, duration: EXIT_MS }, [{ opacity: 1, transform: "none" }, to], now, "ease-in", true);
  }
}

customElements.define("hb-initiative", HbInitiative);
