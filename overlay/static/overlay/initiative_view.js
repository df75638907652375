// The initiative list at an instant: a pure function of the board (contract §7) and the server's time.

import { compact } from "./format.js";
import { displayText } from "./text.js";
import { fill, language, words } from "./words.js";

export const TURN_MS = 360;
const MOST = 7;
const KINDS = ["pc", "npc", "monster"];
/** What the audience sees of somebody concealed. */
const CONCEALED = "???";

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

/** What the list asks of the director: a tick when the turn goes on. */
export function initiativeClaims(board) {
  const at = instant(board?.turn_at);
  return at === null ? [] : [{ urgency: "tick", start: at, end: at + TURN_MS }];
}

/** The view of `board`: the round, at most seven rows, and how many stand above and below them. */
export function initiativeView(board, now, settings = {}) {
  const lang = language(settings.lang);
  const say = words(lang);
  const rows = Array.isArray(board.rows) ? board.rows.slice(0, MOST) : [];
  const at = instant(board.turn_at);
  const round = Number.isInteger(board.round) && board.round > 0 ? board.round : 0;
  return {
    title: round > 0 ? fill(say.round, { n: compact(round, lang) }) : say.soon,
    above: Number.isInteger(board.above) && board.above > 0 ? String(board.above) : "",
    below: Number.isInteger(board.below) && board.below > 0 ? String(board.below) : "",
    rows: rows.map((row) => rowOf(row, lang)),
    motions: { turn: at === null ? null : { start: at, duration: TURN_MS }, exit: null },
    visible: rows.length > 0,
    nextChange: null,
  };
}

function rowOf(row, lang) {
  const concealed = typeof row?.name !== "string";
  return {
    id: String(row?.id),
    concealed,
    name: concealed ? CONCEALED : displayText(row.name, 24) || CONCEALED,
    initiative: Number.isFinite(row?.initiative) ? placeOf(row.initiative, lang) : "",
    type: !concealed && KINDS.includes(row.character_type) ? row.character_type : null,
    current: row?.current === true,
    defeated: row?.defeated === true,
  };
}

/** `17`, or `17.5` where a half broke a tie. */
function placeOf(initiative, lang) {
  if (Number.isInteger(initiative) || Math.abs(initiative) >= 1000) return compact(initiative, lang);
  return new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(initiative).replace("-", "\u2212");
}
