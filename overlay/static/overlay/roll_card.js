// The card of one roll: writes a card of dice_view.js into the page and plays its motions.

import { chance } from "./confetti.js";
import { crack, diceCup, pips, rays, tick, waxSeal } from "./dice_shapes.js";
import { die, tumble } from "./die.js";
import { AHEAD_MS, play, RISE } from "./motion.js";
import { box, line, setClass, setData, setStyle, setText } from "./write.js";

/** Between the pips of the banner and as much on the other side, px. */
const WORD_ROOM = { minor: 184, other: 326 };
const SPARKS = { minor: 0, major: 18, extreme: 36 };
let seals = 0;

export class RollCard {
  #version = "";
  #tiles = [];
  #wax = null;
  #sparks = null;

  constructor(key) {
    this.key = key;
    this.mark = box("hb-mark");
    this.name = line("hb-roll-name");
    this.verdict = box("hb-roll-verdict");
    this.label = line("hb-roll-label");
    this.note = box("hb-roll-note");
    this.zone = box("hb-dice-zone");
    this.total = box("hb-total");
    this.totalWord = box("hb-total-word");
    this.formula = box("hb-formula");
    this.figure = box("hb-figure", this.total, this.totalWord, this.formula);
    this.crackWay = box("hb-crack-way");
    this.crack = box("hb-crack", this.crackWay);
    this.light = box("hb-sweep-light");
    this.edge = box("hb-roll-edge");
    this.word = box("hb-word");
    this.ground = box("hb-roll-ground");
    this.plate = box(
      "hb-card hb-roll-plate",
      this.crack,
      box("hb-roll-head", this.name, this.verdict),
      box("hb-roll-sub", this.label, this.note),
      box("hb-roll-main", this.zone, this.figure),
    );
    this.shaken = box("hb-roll-body", this.ground, this.plate, this.edge, box("hb-sweep", this.light), this.word);
    this.element = box("hb-roll", this.mark, this.shaken);
  }

  write(card, now, context) {
    const { roll } = card;
    const version = `${roll.version}|${context.mark}`;
    if (version !== this.#version) this.#rewrite(roll, context);
    this.#version = version;
    setClass(this.element, "hb-rolling", !card.settled);
    setClass(this.element, "hb-told", card.told);
    setClass(this.element, "hb-leaving", card.leaving);
    this.#move(card, now, context);
  }

  #rewrite(roll, context) {
    const { element, critical } = { element: this.element, critical: roll.critical };
    setData(element, "outcome", critical === null ? null : critical.failure ? "failure" : "success");
    setData(element, "severity", critical?.severity ?? null);
    setData(element, "kind", roll.kind);
    setClass(element, "hb-inconsistent", roll.inconsistent);
    const mark = context.mark === "test" ? context.say.test : roll.mark;
    setText(this.mark, mark ?? "");
    this.mark.hidden = mark === null;
    setText(this.name, roll.name);
    setText(this.label, roll.label);
    setText(this.note, roll.note);
    setData(this.verdict, "verdict", roll.verdict);
    this.verdict.replaceChildren(...(roll.verdict === null ? [] : [tick(roll.verdict === "success"), roll.verdictText]));
    setText(this.total, roll.figure.text);
    setStyle(this.total, "fontSize", `${roll.figure.size}px`);
    setText(this.totalWord, roll.figure.word);
    setText(this.formula, roll.formula);
    setStyle(this.figure, "width", `${roll.figure.width}px`);
    this.#writeZone(roll);
    this.#writeWord(critical);
  }

  #writeZone(roll) {
    this.#wax = null;
    this.#tiles = roll.tiles.list.map((tile) => die(tile, roll.tiles.size));
    const rest = roll.tiles.rest === 0 ? [] : [box("hb-dice-rest", `+${roll.tiles.rest}`)];
    this.zone.style.setProperty("--hb-die-size", `${roll.tiles.size}px`);
    this.zone.style.setProperty("--hb-die-columns", String(roll.tiles.columns));
    this.zone.replaceChildren(...this.#tiles, ...rest);
    if (roll.kind === "secret") {
      this.#tiles = [box("hb-secret", roll.seal === null ? diceCup() : waxSeal(""))];
      const hash = box("hb-seal-hash", roll.seal ?? "?");
      setClass(hash, "hb-seal-none", roll.seal === null);
      this.zone.replaceChildren(...this.#tiles, hash);
    } else if (roll.opened) {
      const halves = ["left", "right"].map((half) => box(`hb-wax-${half}`, waxSeal(`hb-wax-${++seals}`, half)));
      this.#wax = box("hb-wax-broken", ...halves);
      this.zone.append(this.#wax);
    }
  }

  #writeWord(critical) {
    this.word.hidden = critical === null;
    this.crackWay.replaceChildren();
    this.ground.replaceChildren();
    if (critical === null) return;
    setClass(this.word, "hb-word-long", critical.long);
    const text = box("hb-word-text", critical.word);
    this.word.replaceChildren(box("hb-word-ground"), text, pips(critical.severity, critical.failure));
    // Fonts differ from machine to machine, and a rule's own word is whatever it is.
    const room = WORD_ROOM[critical.severity === "minor" ? "minor" : "other"];
    const wide = text.offsetWidth;
    if (wide > room) setStyle(text, "fontSize", `${Math.floor(parseFloat(getComputedStyle(text).fontSize) * room / wide)}px`);
    if (critical.failure) this.crackWay.append(crack(critical.severity));
    else if (critical.severity === "extreme") this.ground.append(rays());
  }

  #move(card, now, context) {
    const { motions } = card;
    const calm = context.reduced || !context.attention;
    const loud = (motion) => (calm ? null : motion);
    const enter = calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}];
    play(this.element, "enter", motions.enter, enter, now, RISE);
    const leave = calm
      ? [{ opacity: 1 }, { opacity: 0 }]
      : [{ opacity: 1, transform: "none" }, { opacity: 0, transform: "translateY(12px)" }];
    play(this.element, "exit", motions.exit, leave, now, "ease-in", true);
    const random = chance(this.key);
    const rolls = card.roll.kind === "roll" && motions.opening === null;
    this.#tiles.forEach((tile, i) => {
      if (rolls) tumble(tile, i, loud(motions.tumble), now, random);
      else if (card.roll.kind === "secret") this.#stamp(tile, motions.tumble, now, calm);
      const face = tile.querySelector(".hb-die-face");
      if (face === null) return;
      const pop = calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "scale(.5)" }, { opacity: 1, offset: 0.4 }, {}];
      play(face, "pop", motions.punch, pop, now, RISE);
    });
    const punch = calm
      ? [{ opacity: 0 }, {}]
      : [{ opacity: 0, transform: "scale(1.55)" }, { opacity: 1, transform: "scale(.94)", offset: 0.7 }, {}];
    play(this.total, "punch", motions.punch, punch, now, "ease-out");
    this.#open(motions.opening, now, calm);
    this.#shout(card, now, calm);
  }

  /** The seal, or the cup, comes down hard in the middle of the time a die would tumble. */
  #stamp(element, motion, now, calm) {
    const stamp = { start: motion.start + motion.duration * 0.35, duration: motion.duration * 0.3 };
    play(element, "stamp", stamp, calm
      ? [{ opacity: 0 }, {}]
      : [{ opacity: 0, transform: "scale(1.7) rotate(-14deg)" }, { opacity: 1, transform: "scale(.93)", offset: 0.75 }, {}],
    now, "ease-in");
  }

  #open(motion, now, calm) {
    if (this.#wax === null) return;
    const gone = motion !== null && now >= motion.start + motion.duration;
    setClass(this.#wax, "hb-wax-gone", gone);
    const [left, right] = this.#wax.children;
    if (calm) {
      play(this.#wax, "open", motion, [{ opacity: 1 }, { opacity: 0 }], now);
      return;
    }
    const piece = (way) => [
      { transform: "none", opacity: 1, easing: "cubic-bezier(.5,0,.9,.5)" },
      { transform: `translate(${way * 4}px, -3px) rotate(${way * 2}deg)`, opacity: 1, offset: 0.2, easing: "cubic-bezier(.4,0,.9,.6)" },
      { transform: `translate(${way * 62}px, 34px) rotate(${way * 38}deg)`, opacity: 0 },
    ];
    play(left, "open", motion, piece(-1), now);
    play(right, "open", motion, piece(1), now);
  }

  #shout(card, now, calm) {
    const { motions } = card;
    const { critical } = card.roll;
    const stamp = calm
      ? [{ opacity: 0 }, {}]
      : [{ opacity: 0, transform: "scale(1.5)" }, { opacity: 1, transform: "scale(.96)", offset: 0.7 }, {}];
    play(this.word, "word", motions.word, stamp, now, "ease-in");
    // A motion is held at its first keyframe before it starts: there is nothing to be seen in it.
    const turn = [
      { transform: "rotate(-40deg)", opacity: 0 },
      { transform: "rotate(-30deg)", opacity: 1, offset: 0.03 },
      { transform: "rotate(290deg)", opacity: 1, offset: 0.85 },
      { transform: "rotate(340deg)", opacity: 0 },
    ];
    play(this.light, "sweep", calm ? null : motions.sweep, turn, now, "cubic-bezier(.4,.1,.6,1)");
    const edge = motions.sweep ?? motions.crack;
    play(this.edge, "edge", edge, [{ opacity: 0 }, {}], now, "ease-in");
    play(this.ground, "rays", motions.sweep, calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "scale(.7)" }, {}], now, RISE);
    // The crack runs down the card: a box is pushed down, and what is in it is held in its place.
    play(this.crack, "run", calm ? null : motions.crack, [{ transform: "translateY(-100%)" }, {}], now, "cubic-bezier(.6,0,.7,1)");
    play(this.crackWay, "run", calm ? null : motions.crack, [{ transform: "translateY(100%)" }, {}], now, "cubic-bezier(.6,0,.7,1)");
    const shake = [0, -5, 5, -4, 3, -2, 0].map((x, i) => ({ transform: `translate(${x}px, ${i % 2 === 0 ? 0 : x * 0.4}px)` }));
    play(this.shaken, "shake", calm ? null : motions.shake, shake, now);
    this.#spark(critical, calm ? null : motions.sparks, now);
  }

  #spark(critical, motion, now) {
    if (motion === null || now < motion.start - AHEAD_MS || now >= motion.start + motion.duration) {
      this.#sparks?.remove();
      this.#sparks = null;
      return;
    }
    const random = chance(`${this.key}|sparks`);
    const count = SPARKS[critical.severity];
    if (this.#sparks === null) {
      this.#sparks = box("hb-sparks", ...Array.from({ length: count }, () => box("hb-spark")));
      this.element.append(this.#sparks);
    }
    Array.from(this.#sparks.children, (spark, i) => {
      const angle = ((i + random()) / count) * 2 * Math.PI;
      const reach = 120 + 150 * random();
      const [x, y] = [Math.cos(angle) * reach * 1.5, Math.sin(angle) * reach * 0.8];
      const flight = { start: motion.start + 60 * random(), duration: motion.duration * (0.6 + 0.34 * random()) };
      play(spark, "flight", flight, [
        { transform: "translate(0, 0) scale(.4) rotate(0deg)", opacity: 0, easing: "cubic-bezier(.1,.8,.4,1)" },
        { transform: `translate(${(x * 0.3).toFixed(0)}px, ${(y * 0.3).toFixed(0)}px) scale(.7) rotate(40deg)`, opacity: 1, offset: 0.1, easing: "cubic-bezier(.1,.7,.5,1)" },
        { transform: `translate(${x.toFixed(0)}px, ${y.toFixed(0)}px) scale(1) rotate(120deg)`, opacity: 1, offset: 0.6 },
        { transform: `translate(${(x * 1.08).toFixed(0)}px, ${(y + 46).toFixed(0)}px) scale(.3) rotate(200deg)`, opacity: 0 },
      ], now);
    });
  }
}
