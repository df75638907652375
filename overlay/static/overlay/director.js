// The director: what is on stage, and who may ask for attention. One thing at a time may pulse, grow or
// throw confetti; the rest goes on quietly.

/** How loud a board may be, loudest last (widgets.md §1). */
export const URGENCY = Object.freeze({ quiet: 0, tick: 1, alert: 2, hit: 3, reveal: 4, critical: 5 });

/** A reveal is loud for as long as its bars race and its confetti flies. */
const REVEAL_LOUD_MS = 3000;

export function pollUrgency(board, now) {
  if (board.phase !== "revealed") return URGENCY.tick;
  return now < Date.parse(board.phase_started_at) + REVEAL_LOUD_MS ? URGENCY.reveal : URGENCY.quiet;
}

/**
 * What to draw of `boards` (id → board): the newest board of every kind that `widgets` knows and `wanted`
 * (kinds, or null for all) lets through, as `[{id, board, widget, attention}]`. `attention` is true for one.
 */
export function cast(boards, widgets, wanted, now) {
  const newest = new Map();
  for (const [id, board] of Object.entries(boards)) {
    const kind = board?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(widgets, kind)) continue;
    if (wanted !== null && !wanted.includes(kind)) continue;
    const widget = widgets[kind];
    const rival = newest.get(kind);
    if (rival === undefined || widget.age(board) >= widget.age(rival.board)) newest.set(kind, { id, board, widget });
  }
  const actors = [...newest.values()];
  let loudest = null;
  let top = -1;
  for (const actor of actors) {
    const urgency = actor.widget.urgency(actor.board, now);
    if (urgency > top) [loudest, top] = [actor, urgency];
  }
  return actors.map((actor) => ({ ...actor, attention: actor === loudest }));
}
