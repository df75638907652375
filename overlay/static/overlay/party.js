// <hb-party>: up to six heroes with their hit points and conditions. Writes a view of party_view.js.

import { conditionSign } from "./condition_signs.js";
import { play, RISE } from "./motion.js";
import { partyView } from "./party_view.js";
import { svg } from "./shapes.js";
import { box, line, setClass, setData, setStyle, setText } from "./write.js";

const ENTER_MS = 360;
const EXIT_MS = 240;

class Member {
  constructor() {
    this.name = line("hb-hero-name");
    this.signs = box("hb-hero-signs");
    this.fill = box("hb-hp-fill");
    this.ghost = box("hb-hp-ghost");
    this.shield = box("hb-hp-shield");
    this.bar = box("hb-hp", this.ghost, this.fill, this.shield);
    this.lamps = box("hb-lamps", box("hb-lamp"), box("hb-lamp"), box("hb-lamp"));
    this.current = box("hb-hp-current");
    this.maximum = box("hb-hp-maximum");
    this.temporary = box("hb-hp-temporary");
    this.figures = box("hb-hp-figures", this.current, this.maximum, this.temporary);
    this.word = line("hb-hero-word");
    this.news = line("hb-hero-news");
    this.element = box(
      "hb-card hb-hero",
      box("hb-hero-head", deadSign(), this.name, this.signs),
      box("hb-hero-state", this.bar, this.lamps, this.figures, this.word),
      this.news,
    );
  }

  write(view, now, context) {
    const { element } = this;
    setData(element, "health", view.health);
    setText(this.name, view.name);
    const signs = `${view.signs.join("\n")}|${view.rest}`;
    if (this.signs.dataset.signs !== signs) {
      this.signs.dataset.signs = signs;
      const rest = view.rest === "" ? [] : [box("hb-hero-rest", view.rest)];
      this.signs.replaceChildren(...view.signs.map(conditionSign), ...rest);
    }
    const { points } = view;
    this.bar.hidden = points === null;
    this.figures.hidden = points === null;
    this.lamps.hidden = points !== null || view.lamps === null;
    this.word.hidden = points !== null;
    if (points !== null) this.#writePoints(points);
    else setText(this.word, view.word || view.player);
    Array.from(this.lamps.children, (lamp, i) => setClass(lamp, "hb-lit", i < (view.lamps ?? 0)));
    this.news.hidden = view.news === null;
    if (view.news === null) return;
    setText(this.news, view.news.text);
    setClass(this.news, "hb-news-good", view.news.good);
    const calm = context.reduced || !context.attention;
    const from = calm ? { opacity: 0 } : { opacity: 0, transform: "translateY(10px)" };
    play(this.news, "news", view.news.motion, [from, {}], now, RISE);
  }

  #writePoints(points) {
    const at = `translateX(${((points.share - 1) * 100).toFixed(2)}%)`;
    setStyle(this.fill, "transform", at);
    setStyle(this.ghost, "transform", at);
    setStyle(this.shield, "transform", `scaleX(${points.shield.toFixed(3)})`);
    setText(this.current, points.current);
    setText(this.maximum, `/${points.maximum}`);
    setText(this.temporary, points.temporary);
  }
}

/** A skull for one who is down: seen beside a name before any bar is read. */
function deadSign() {
  return svg("svg", { class: "hb-hero-down", viewBox: "0 0 28 28", width: 28, height: 28 },
    svg("path", { d: "M14 2C7 2 3 7 3 12c0 4 2 6 4 8v5h14v-5c2-2 4-4 4-8C25 7 21 2 14 2Z", class: "hb-skull" }),
    svg("path", { d: "M8 10h5v5H8ZM15 10h5v5h-5ZM11 21v4M14 21v4M17 21v4", class: "hb-skull-holes" }));
}

export class HbParty extends HTMLElement {
  #members = new Map();
  #row = null;
  #more = null;
  #seen = false;

  /** As <hb-poll>. */
  render(board, now, context) {
    const view = partyView(board, now, context);
    if (this.#row === null) {
      this.classList.add("hb-party");
      this.#row = box("hb-heroes");
      this.#more = box("hb-more hb-party-more");
      this.replaceChildren(this.#row, this.#more);
    }
    const still = context.still || !this.#seen;
    setClass(this, "hb-still", still);
    setClass(this, "hb-reduced", context.reduced);
    setStyle(this, "width", `${context.tall ? 860 : Math.max(1, view.members.length) * 288 - 8}px`);
    const wanted = new Set(view.members.map(({ id }) => id));
    for (const [id, member] of [...this.#members]) {
      if (wanted.has(id)) continue;
      member.element.remove();
      this.#members.delete(id);
    }
    view.members.forEach((member, i) => {
      if (!this.#members.has(member.id)) this.#members.set(member.id, new Member());
      const part = this.#members.get(member.id);
      if (this.#row.children[i] !== part.element) this.#row.insertBefore(part.element, this.#row.children[i] ?? null);
      part.write(member, now, context);
    });
    setText(this.#more, view.more);
    this.#more.hidden = view.more === "";
    if (!this.#seen && !context.still) {
      play(this, "enter", { start: now, duration: ENTER_MS }, context.reduced ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}], now, RISE);
    }
    if (still) {
      // The styles must be taken in before transitions are allowed again.
      void this.offsetWidth;
      this.classList.remove("hb-still");
    }
    this.#seen = true;
    return { ...view, motions: { exit: null } };
  }

  leave(now, reduced) {
    const to = reduced ? { opacity: 0 } : { opacity: 0, transform: "translateY(12px)" };
    play(this, "leave", { start: now, duration: EXIT_MS }, [{ opacity: 1, transform: "none" }, to], now, "ease-in", true);
  }
}

customElements.define("hb-party", HbParty);
