// One die in the page: its silhouette, its face, the marks of what became of it, and its tumble.

import { dieBody, dieKind, dieMark, faceOf, fateSign } from "./dice_shapes.js";
import { play } from "./motion.js";
import { box } from "./write.js";

/** Dice of a pool set off one after another, but all lie still at the same instant. */
const STAGGER_MS = 28;

/** The tile of roll_view.js as an element of `size` px. */
export function die(tile, size) {
  const kind = dieKind(tile.sides);
  const face = box("hb-die-face");
  if (tile.sides === "F") {
    face.append(fateSign(tile.value));
  } else {
    const text = kind === "custom" ? tile.text.slice(0, 3) : tile.text;
    const place = faceOf(kind, text.length);
    face.textContent = text;
    face.style.top = `${((place.y - 0.5) * size).toFixed(1)}px`;
    face.style.fontSize = `${Math.max(24, place.size * size).toFixed(1)}px`;
  }
  const element = box("hb-die", dieBody(kind, tile.exploded), face);
  element.dataset.sides = String(tile.sides);
  element.dataset.state = tile.state;
  element.style.width = element.style.height = `${size}px`;
  // Lines keep their breadth on dice of any size: a pixel of the stage, in hundredths of the die.
  element.style.setProperty("--hb-die-px", `${(100 / size).toFixed(3)}px`);
  const marks = [];
  if (tile.state !== "kept") marks.push(tile.state);
  if (tile.extra) marks.push("extra");
  if (tile.negative) marks.push("minus");
  if (tile.result !== null) marks.push(tile.result);
  element.append(...marks.map(dieMark));
  if (tile.exploded) element.classList.add("hb-die-exploded");
  return element;
}

/** Plays the tumble of die number `index` of a card: in from the right, two hops, still when the motion ends. */
export function tumble(element, index, motion, now, random) {
  if (motion === null) return play(element, "tumble", null, [], now);
  const late = Math.min(STAGGER_MS * index, motion.duration * 0.3);
  const way = 110 + 70 * random();
  const turn = (1.25 + random()) * 360;
  const hop = 30 + 14 * random();
  const at = (x, y, rest, opacity) =>
    ({ transform: `translate(${(x * way).toFixed(1)}px, ${(-y * hop).toFixed(1)}px) rotate(${(-rest * turn).toFixed(0)}deg)`, opacity });
  return play(element, "tumble", { start: motion.start + late, duration: motion.duration - late }, [
    { ...at(1, 1.5, 1, 0), easing: "cubic-bezier(.5,0,1,.6)" },
    { ...at(0.8, 1.2, 0.86, 1), offset: 0.08, easing: "cubic-bezier(.5,0,1,.6)" },
    { ...at(0.42, 0, 0.5, 1), offset: 0.34, easing: "cubic-bezier(0,.5,.4,1)" },
    { ...at(0.26, 1, 0.32, 1), offset: 0.5, easing: "cubic-bezier(.6,0,1,.5)" },
    { ...at(0.1, 0, 0.14, 1), offset: 0.68, easing: "cubic-bezier(0,.5,.4,1)" },
    { ...at(0.04, 0.3, 0.05, 1), offset: 0.8, easing: "cubic-bezier(.6,0,1,.5)" },
    { ...at(0, 0, 0, 1), offset: 0.92 },
    at(0, 0, 0, 1),
  ], now);
}
