// Confetti over a winner: at most 24 pieces, at most 0.8 s, the same for everybody, because the pieces come
// from the poll's id. A page reloaded half-way shows them half-way.

import { play } from "./motion.js";

const PIECES = 24;
const COLOURS = 7;

/** Numbers 0..1 that depend on `seed` alone (FNV-1a into mulberry32). */
export function chance(seed) {
  let state = 2166136261;
  for (const character of seed) state = Math.imul(state ^ character.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Where each piece starts (fraction of the width), flies to (px), how it turns and when it sets off. */
export function pieces(seed) {
  const random = chance(seed);
  return Array.from({ length: PIECES }, (_, i) => ({
    x: (i + random()) / PIECES,
    dx: Math.round((random() - 0.5) * 160),
    up: Math.round(40 + random() * 70),
    down: Math.round(50 + random() * 80),
    turn: Math.round((random() - 0.5) * 900),
    late: Math.round(random() * 160),
    colour: 1 + Math.floor(random() * COLOURS),
    round: random() < 0.3,
  }));
}

/** Throws the confetti of `motion` into `box` (empty it when the motion is over). */
export function throwConfetti(box, seed, motion, now) {
  for (const piece of pieces(seed)) {
    const element = document.createElement("i");
    element.className = piece.round ? "hb-piece hb-piece-round" : "hb-piece";
    element.style.left = `${(piece.x * 100).toFixed(1)}%`;
    element.style.background = `var(--hb-c${piece.colour})`;
    box.append(element);
    const flight = { start: motion.start + piece.late, duration: motion.duration - piece.late };
    play(element, "flight", flight, [
      { transform: "translate(0, 10px) scale(.3)", opacity: 0, easing: "cubic-bezier(.2,.9,.5,1)" },
      {
        transform: `translate(${piece.dx * 0.6}px, ${-piece.up}px) rotate(${piece.turn * 0.5}deg)`,
        opacity: 1,
        offset: 0.42,
        easing: "cubic-bezier(.5,0,.9,.6)",
      },
      {
        transform: `translate(${piece.dx * 0.85}px, ${(piece.down - piece.up) * 0.4 - piece.up * 0.3}px) rotate(${piece.turn * 0.8}deg)`,
        opacity: 1,
        offset: 0.78,
      },
      { transform: `translate(${piece.dx}px, ${piece.down - piece.up}px) rotate(${piece.turn}deg)`, opacity: 0 },
    ], now);
  }
}
