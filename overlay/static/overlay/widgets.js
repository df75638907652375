// Which board kinds can be drawn, and by what. A new game adds its line here and its own files; a kind that
// is not here is ignored, so that an old overlay survives a new server.

import { HbAlert } from "./alert.js";
import { alertClaims } from "./alert_view.js";
import { HbCard } from "./card.js";
import { cardClaims } from "./card_view.js";
import { HbDice } from "./dice.js";
import { diceAge, diceClaims } from "./dice_view.js";
import { pollClaims } from "./director.js";
import { HbInitiative } from "./initiative.js";
import { initiativeClaims } from "./initiative_view.js";
import { HbParty } from "./party.js";
import { partyClaims } from "./party_view.js";
import { HbPoll } from "./poll.js";

const instant = (text) => Date.parse(text) || 0;

/**
 * kind → how it is drawn.
 * `create()` makes its element, which has `render(board, now, context)` → view (`visible`, `nextChange`,
 * `motions.exit`) and `leave(now, reduced)`; `claims(board)` says when it asks for how much attention
 * (director.js); `age(board)` orders boards of the kind: only the newest is on stage.
 */
export const WIDGETS = Object.freeze({
  poll: { create: () => new HbPoll(), claims: pollClaims, age: (board) => instant(board.opens_at) },
  dice: { create: () => new HbDice(), claims: diceClaims, age: diceAge },
  party: { create: () => new HbParty(), claims: partyClaims, age: () => 0 },
  initiative: { create: () => new HbInitiative(), claims: initiativeClaims, age: (board) => instant(board.turn_at) },
  card: { create: () => new HbCard(), claims: cardClaims, age: (board) => instant(board.starts_at) },
  alert: { create: () => new HbAlert(), claims: alertClaims, age: () => 0 },
});
