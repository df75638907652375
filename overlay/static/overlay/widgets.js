// Which board kinds can be drawn, and by what. A new game adds its line here and its own files; a kind that
// is not here is ignored, so that an old overlay survives a new server.

import { pollUrgency } from "./director.js";
import { HbPoll } from "./poll.js";

/**
 * kind → how it is drawn.
 * `create()` makes its element, which has `render(board, now, context)` → view (`visible`, `nextChange`,
 * `motions.exit`) and `leave(now, reduced)`; `urgency(board, now)` says how much attention it asks for;
 * `age(board)` orders boards of the kind: only the newest is on stage.
 */
export const WIDGETS = Object.freeze({
  poll: {
    create: () => new HbPoll(),
    urgency: pollUrgency,
    age: (board) => Date.parse(board.opens_at) || 0,
  },
});
