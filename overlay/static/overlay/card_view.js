// A card that is shown for a while, at an instant: a pure function of the board and the server's time.

import { grouped } from "./format.js";
import { displayText } from "./text.js";
import { fill, language, plural, words } from "./words.js";

export const ENTER_MS = 360;
export const EXIT_MS = 240;

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

/** A card is an alert while it comes. */
export function cardClaims(board) {
  const at = instant(board?.starts_at);
  return at === null ? [] : [{ urgency: "alert", start: at, end: at + ENTER_MS }];
}

/** The view of `board` at server time `now`; what the board does not say itself is said in `lang`. */
export function cardView(board, now, settings = {}) {
  const lang = language(settings.lang);
  const say = words(lang);
  const starts = instant(board.starts_at) ?? 0;
  const ends = instant(board.ends_at);
  const { dice, luckier_than: percent } = board.figures ?? {};
  const lines = [];
  const own = displayText(board.line, 120);
  if (own) lines.push(own);
  if (Number.isFinite(percent)) lines.push(fill(say.luckLine, { p: percent }));
  if (Number.isInteger(dice)) lines.push(plural(lang, say.luckDice, dice, grouped(dice)));
  const exit = ends === null ? null : { start: ends, duration: EXIT_MS };
  const due = [starts, ends, ends === null ? null : ends + EXIT_MS].filter((at) => at !== null && at > now);
  return {
    style: board.style === "luck" ? "luck" : "plain",
    title: displayText(board.title, 60) || (board.style === "luck" ? say.luckTitle : ""),
    name: displayText(board.name, 18),
    lines,
    visible: now >= starts && (exit === null || now < exit.start + EXIT_MS),
    motions: { enter: { start: starts, duration: ENTER_MS }, exit },
    nextChange: due.length > 0 ? Math.min(...due) : null,
  };
}
