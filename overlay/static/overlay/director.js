// The director: what is on stage, and who may ask for attention. One thing at a time may tumble, pulse, grow or
// throw confetti; the rest goes on quietly. Who that is follows from the boards and the time alone.

/** How loud a claim is, loudest last (widgets.md §1): a critical, a reveal, a hit on a boss, an alert, a tick. */
export const URGENCY = Object.freeze({ quiet: 0, tick: 1, alert: 2, hit: 3, reveal: 4, critical: 5 });

/** A reveal is loud for as long as its bars race and its confetti flies. */
const REVEAL_LOUD_MS = 3000;

/**
 * What a poll asks for: ticks while it goes on, a reveal when it is revealed. A claim is
 * `{urgency, start, end}`, the name of an urgency and instants of server time in ms.
 */
export function pollClaims(board) {
  const began = Date.parse(board.phase_started_at);
  if (!Number.isFinite(began)) return [{ urgency: "tick", start: 0, end: Infinity }];
  if (board.phase !== "revealed") return [{ urgency: "tick", start: 0, end: Infinity }];
  return [{ urgency: "reveal", start: began, end: began + REVEAL_LOUD_MS }];
}

/**
 * Who has the floor at `now`: the id of the loudest of `actors` (`[{id, claims}]`), or null when nobody asks.
 * Of equals the one who began first keeps it, then the one with the smaller id. A louder one takes the floor at
 * once; what was quieter goes on without a noise, because its times are fixed.
 */
export function floor(actors, now) {
  let best = null;
  for (const { id, claims } of actors) {
    for (const { urgency, start, end } of claims) {
      const level = URGENCY[urgency] ?? 0;
      if (level === 0 || now < start || now >= end) continue;
      const rival = { id, level, start };
      if (best === null || isAhead(rival, best)) best = rival;
    }
  }
  return best === null ? null : best.id;
}

function isAhead(one, other) {
  if (one.level !== other.level) return one.level > other.level;
  if (one.start !== other.start) return one.start < other.start;
  return one.id < other.id;
}

/** The next instant after `now` at which the floor may change hands; null when it never does by itself. */
export function nextHandover(actors, now) {
  const at = actors.flatMap(({ claims }) => claims.flatMap(({ start, end }) => [start, end]));
  const later = at.filter((moment) => moment > now && Number.isFinite(moment));
  return later.length > 0 && actors.length > 1 ? Math.min(...later) : null;
}

/**
 * What to draw of `boards` (id → board): the newest board of every kind that `widgets` knows and `wanted`
 * (kinds, or null for all) lets through, as `[{id, kind, board, widget, claims, attention}]`. `attention` is
 * true for one at most.
 */
export function cast(boards, widgets, wanted, now) {
  const newest = new Map();
  for (const [id, board] of Object.entries(boards)) {
    const kind = board?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(widgets, kind)) continue;
    if (wanted !== null && !wanted.includes(kind)) continue;
    const widget = widgets[kind];
    const rival = newest.get(kind);
    if (rival === undefined || widget.age(board) >= widget.age(rival.board)) newest.set(kind, { id, kind, board, widget });
  }
  const actors = [...newest.values()].map((actor) => ({ ...actor, claims: actor.widget.claims(actor.board) }));
  const holder = floor(actors, now);
  return actors.map((actor) => ({ ...actor, attention: actor.id === holder }));
}
