// <hb-alert>: who has just done something kind. Writes a view of alert_view.js.

import { seal } from "./alert_shapes.js";
import { alertView, EXIT_MS } from "./alert_view.js";
import { chance } from "./confetti.js";
import { AHEAD_MS, play, RISE } from "./motion.js";
import { box, line, setClass, setData, setText } from "./write.js";

const SPARKS = 22;

export class HbAlert extends HTMLElement {
  #parts = null;
  #written = "";
  #sparks = null;

  /** As <hb-poll>. */
  render(board, now, context) {
    const view = alertView(board, now, context);
    if (this.#parts === null) this.#build();
    setClass(this, "hb-gone", !view.visible);
    if (view.card === null) {
      this.#clear();
      return view;
    }
    const version = JSON.stringify([{ ...view.card, leaving: null, motions: null }, context.mark]);
    if (version !== this.#written) this.#write(view.card, context);
    this.#written = version;
    setClass(this, "hb-leaving", view.card.leaving);
    this.#move(view.card, now, context);
    return view;
  }

  #build() {
    this.classList.add("hb-alert");
    const parts = {
      mark: box("hb-mark"),
      seal: box("hb-alert-stamp"),
      title: line("hb-alert-title"),
      tier: box("hb-alert-tier"),
      names: box("hb-alert-names"),
      text: line("hb-alert-text"),
      message: line("hb-alert-message"),
      figure: box("hb-alert-figure"),
      unit: box("hb-alert-unit"),
      light: box("hb-alert-light"),
    };
    const told = box("hb-alert-told", box("hb-alert-head", parts.title, parts.tier), parts.names, parts.text, parts.message);
    const count = box("hb-alert-count", parts.figure, parts.unit);
    const sweep = box("hb-alert-sweep", parts.light);
    this.plate = box("hb-card hb-alert-plate", sweep, told, count);
    this.body = box("hb-alert-body", this.plate, parts.seal);
    this.#parts = parts;
    this.replaceChildren(parts.mark, this.body);
  }

  #clear() {
    if (this.#written === "") return;
    this.#written = "";
    this.#sparks?.remove();
    this.#sparks = null;
    // Nobody's name stays in the page once it is off the screen.
    for (const part of ["title", "names", "text", "message", "figure", "unit"]) this.#parts[part].replaceChildren();
  }

  #write(card, context) {
    const { mark, title, tier, names, text, message, figure, unit, seal: stamp } = this.#parts;
    setData(this, "kind", card.type);
    const marked = context.mark === "test" ? card.mark ?? "TEST" : card.mark;
    setText(mark, marked ?? "");
    mark.hidden = marked === null;
    if (stamp.firstChild?.dataset.kind !== card.type) stamp.replaceChildren(seal(card.type));
    setText(title, card.title);
    setText(tier, card.tier);
    tier.hidden = card.tier === "";
    names.hidden = card.text !== null;
    setClass(names, "hb-several", card.names.length > 1);
    names.replaceChildren(
      ...card.names.map((name) => {
        const element = line("hb-alert-name");
        element.textContent = name;
        return element;
      }),
      ...(card.more === "" ? [] : [box("hb-alert-more", card.more)]),
    );
    setText(text, card.text ?? "");
    text.hidden = card.text === null;
    setText(message, card.message);
    message.hidden = card.message === "";
    const shows = card.figure.text !== "" && card.text === null;
    setText(figure, shows ? card.figure.text : "");
    setClass(figure, "hb-long", card.figure.text.length > 6);
    setText(unit, shows ? card.figure.unit : "");
    figure.parentNode.hidden = !shows;
  }

  #move(card, now, context) {
    const { motions } = card;
    const calm = context.reduced || !context.attention;
    const loud = (motion) => (calm ? null : motion);
    const enter = calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}];
    play(this, "enter", motions.enter, enter, now, RISE);
    play(this, "exit", motions.exit, exitFrames(context.reduced), now, "ease-in", true);
    const { seal: stamp, figure, light } = this.#parts;
    const stamped = [
      { opacity: 0, transform: "scale(1.7) rotate(-24deg)" },
      { opacity: 1, transform: "scale(.92) rotate(3deg)", offset: 0.62 },
      { opacity: 1, transform: "scale(1.04) rotate(0deg)", offset: 0.82 },
      {},
    ];
    play(stamp, "stamp", loud(motions.stamp), stamped, now, "ease-out");
    const punch = [{ opacity: 0, transform: "scale(1.4)" }, { opacity: 1, transform: "scale(.96)", offset: 0.7 }, {}];
    play(figure, "punch", loud(motions.stamp), punch, now, "ease-out");
    const across = [
      { transform: "translateX(-120%) skewX(-18deg)", opacity: 0 },
      { opacity: 1, offset: 0.2 },
      { opacity: 1, offset: 0.8 },
      { transform: "translateX(520%) skewX(-18deg)", opacity: 0 },
    ];
    play(light, "sweep", loud(motions.sweep), across, now, "cubic-bezier(.4,.1,.6,1)");
    this.#spark(card, loud(motions.sparks), now);
  }

  #spark(card, motion, now) {
    if (motion === null || now < motion.start - AHEAD_MS || now >= motion.start + motion.duration) {
      this.#sparks?.remove();
      this.#sparks = null;
      return;
    }
    if (this.#sparks === null) {
      this.#sparks = box("hb-alert-sparks", ...Array.from({ length: SPARKS }, () => box("hb-spark")));
      this.body.append(this.#sparks);
    }
    const random = chance(`${card.key}|sparks`);
    Array.from(this.#sparks.children, (spark, i) => {
      const angle = ((i + random()) / SPARKS) * 2 * Math.PI;
      const reach = 70 + 80 * random();
      const [x, y] = [Math.cos(angle) * reach, Math.sin(angle) * reach];
      const flight = { start: motion.start, duration: motion.duration * (0.55 + 0.4 * random()) };
      play(spark, "flight", flight, [
        { transform: "translate(0, 0) scale(.4)", opacity: 0, easing: "cubic-bezier(.1,.8,.4,1)" },
        { transform: `translate(${(x * 0.6).toFixed(0)}px, ${(y * 0.6).toFixed(0)}px) scale(.9) rotate(60deg)`, opacity: 1, offset: 0.2 },
        { transform: `translate(${x.toFixed(0)}px, ${y.toFixed(0)}px) scale(1) rotate(140deg)`, opacity: 1, offset: 0.6 },
        { transform: `translate(${(x * 1.06).toFixed(0)}px, ${(y + 30).toFixed(0)}px) scale(.3) rotate(220deg)`, opacity: 0 },
      ], now);
    });
  }

  leave(now, reduced) {
    play(this, "leave", { start: now, duration: EXIT_MS }, exitFrames(reduced), now, "ease-in", true);
  }
}

function exitFrames(reduced) {
  return reduced ? [{ opacity: 1 }, { opacity: 0 }] : [{ opacity: 1, transform: "none" }, { opacity: 0, transform: "translateY(-14px)" }];
}

customElements.define("hb-alert", HbAlert);
