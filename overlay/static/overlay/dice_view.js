// What the dice on stage look like at an instant: a pure function of the board (contract §7) and the server's
// time. Who has the card and who a row was decided on the server (server/rules/dice_stage.py), for all times;
// here stands what is seen of it. Numbers are those of the design brief (widgets.md §4).

import { rollView } from "./roll_view.js";
import { fill, language, plural, words } from "./words.js";

export const ENTER_MS = 360;
export const EXIT_MS = 240;
/** From the settled die to the total. */
export const PUNCH_MS = 180;
export const SWEEP_MS = 700;
export const CRACK_MS = 500;
export const SPARKS_MS = 1000;
/** A critical asks for the stage for so long after its total. */
const LOUD_MS = 1600;
/** Where in the tumble the wax breaks. */
const BREAK_AT = 0.25;

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

/** The showings of a board with their instants in ms; what cannot be read is left out. */
function readShowings(board) {
  const list = Array.isArray(board?.showings) ? board.showings.slice(0, 40) : [];
  return list.flatMap((showing) => {
    const starts = instant(showing?.starts_at);
    const settles = instant(showing?.settles_at);
    const ends = instant(showing?.ends_at);
    const { roll } = showing ?? {};
    if (starts === null || settles === null || ends === null || typeof roll !== "object" || roll === null) return [];
    const isRow = showing.form === "row";
    const place = Number.isInteger(showing.place) && showing.place >= 1 && showing.place <= 3 ? showing.place : 0;
    if (isRow && place === 0) return [];
    const rowAt = isRow ? starts : place === 0 ? null : instant(showing.row_at);
    return [{ roll, starts, settles, ends, isRow, place, rowAt }];
  });
}

function isCritical(roll) {
  return roll.type === "dice.roll" && typeof roll.critical === "object" && roll.critical !== null;
}

function isOpened(roll) {
  return roll.type === "dice.roll" && typeof roll.seal === "string";
}

/** What the dice ask of the director: a tumble is an alert, a broken seal a reveal, a critical outdoes all. */
export function diceClaims(board) {
  return readShowings(board).filter(({ isRow }) => !isRow).flatMap(({ roll, starts, settles }) => {
    const urgency = isOpened(roll) ? "reveal" : "alert";
    const claims = [{ urgency, start: starts, end: settles + PUNCH_MS }];
    if (isCritical(roll)) claims.push({ urgency: "critical", start: starts, end: settles + PUNCH_MS + LOUD_MS });
    return claims;
  });
}

/** When the youngest roll of a board fell, ms. */
export function diceAge(board) {
  return Math.max(0, ...readShowings(board).map(({ starts }) => starts));
}

/**
 * The view of `board` at server time `now` (ms since 1970). `settings`: `lang` (BCP 47).
 * Returns plain data: `cards` and `rows` that are on stage now (of two cards the later one is entering while
 * the other leaves), each with its texts (roll_view.js) and motions (`{start, duration}` in server time);
 * `more`; and `nextChange`, the next instant at which something other than a running motion changes.
 */
export function diceView(board, now, settings = {}) {
  const lang = language(settings.lang);
  const showings = readShowings(board);
  const cards = showings.flatMap((showing) => cardOf(showing, now, lang));
  const rows = showings.flatMap((showing) => rowOf(showing, now, lang));
  const more = moreOf(board, now, lang);
  return {
    lang,
    cards,
    rows,
    more,
    visible: cards.length > 0 || rows.length > 0 || more !== null,
    nextChange: nextChange(board, showings, now),
  };
}

function keyOf({ roll, starts }, form) {
  return `${form}|${String(roll.id)}|${starts}`;
}

function cardOf(showing, now, lang) {
  const { roll, starts, settles, isRow, rowAt } = showing;
  if (isRow) return [];
  const leaves = rowAt === null ? showing.ends : Math.min(rowAt, showing.ends);
  if (now < starts || now >= leaves + EXIT_MS) return [];
  const told = settles + PUNCH_MS;
  const view = rollView(roll, lang);
  const critical = view.critical;
  const motions = {
    enter: { start: starts, duration: ENTER_MS },
    tumble: { start: starts, duration: settles - starts },
    opening: null,
    punch: { start: settles, duration: PUNCH_MS },
    word: null,
    sweep: null,
    sparks: null,
    crack: null,
    shake: null,
    exit: { start: leaves, duration: EXIT_MS },
  };
  if (view.opened) {
    const at = starts + (settles - starts) * BREAK_AT;
    motions.opening = { start: at, duration: (settles - at) * 0.9 };
  }
  if (critical !== null) {
    const great = critical.severity !== "minor";
    motions.word = { start: told, duration: PUNCH_MS };
    if (great) motions.shake = { start: told, duration: 260 };
    if (critical.failure) {
      motions.crack = { start: told, duration: CRACK_MS };
    } else {
      motions.sweep = { start: told, duration: SWEEP_MS };
      if (great) motions.sparks = { start: told, duration: SPARKS_MS };
    }
  }
  return [{
    key: keyOf(showing, "card"),
    roll: view,
    settled: now >= settles,
    told: now >= told,
    leaving: now >= leaves,
    motions,
  }];
}

function rowOf(showing, now, lang) {
  const { roll, starts, settles, ends, isRow, rowAt, place } = showing;
  if (rowAt === null || now < rowAt || now >= ends + EXIT_MS) return [];
  return [{
    key: keyOf(showing, "row"),
    roll: rollView(roll, lang),
    place,
    settled: now >= settles,
    leaving: now >= ends,
    motions: {
      enter: { start: rowAt, duration: EXIT_MS },
      // What was on the card has fallen already.
      tumble: isRow ? { start: starts, duration: settles - starts } : null,
      punch: isRow ? { start: settles, duration: PUNCH_MS } : null,
      exit: { start: ends, duration: EXIT_MS },
    },
  }];
}

/** Seals that are counted and stand beside the count, three at a time, as the server says. */
function sealsOf(board) {
  const list = Array.isArray(board?.more?.seals) ? board.more.seals.slice(0, 60) : [];
  return list.flatMap((one) => {
    const [starts, ends] = [instant(one?.starts_at), instant(one?.ends_at)];
    const seal = typeof one?.seal === "string" ? one.seal.slice(0, 8) : "";
    return starts === null || ends === null || seal === "" ? [] : [{ seal, starts, ends }];
  });
}

/** "+6 more", the seals among them, and how many of them were critical. */
function moreOf(board, now, lang) {
  const until = instant(board?.more?.until);
  const { count, criticals } = board?.more ?? {};
  if (until === null || now >= until || !Number.isInteger(count) || count < 1) return null;
  const say = words(lang);
  return {
    text: fill(say.more, { n: count > 999 ? "999" : count }),
    seals: sealsOf(board).filter(({ starts, ends }) => now >= starts && now < ends).map(({ seal }) => seal),
    criticals: criticals > 0 ? plural(lang, say.criticals, criticals, criticals > 999 ? "999" : criticals) : "",
  };
}

function nextChange(board, showings, now) {
  const due = showings.flatMap(({ roll, starts, settles, ends, rowAt }) => {
    const told = settles + PUNCH_MS;
    const at = [starts, settles, told, ends, ends + EXIT_MS];
    if (rowAt !== null) at.push(rowAt, rowAt + EXIT_MS);
    if (isCritical(roll)) at.push(told + SPARKS_MS);
    return at;
  });
  const until = instant(board?.more?.until);
  if (until !== null) due.push(until);
  for (const { starts, ends } of sealsOf(board)) due.push(starts, ends);
  const later = due.filter((at) => at > now);
  return later.length > 0 ? Math.min(...later) : null;
}
