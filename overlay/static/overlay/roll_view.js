// A roll as texts and tiles: pure, and without time. What the tabletop does not say is not said here:
// no success or failure of our own, no number that was left out.

import { short } from "./format.js";
import { breadth, displayText } from "./text.js";
import { fill, plural, words } from "./words.js";

/** Names stand on one line of a card (widgets.md §1). */
const NAME = 18;
const MINUS = "\u2212";
/** The room for dice and figures on a card, and the gap between dice, px. */
const MAIN_WIDTH = 390;
const ZONE_HEIGHT = 136;
const GAP = 7;
const COLUMN_GAP = 12;
/** A die is never larger than this, nor smaller than its number can be read on a phone, px. */
const LARGEST = 132;
const LEAST = { 6: 40, F: 40, 2: 46, 1: 46 };
const LEAST_OTHER = 50;

const SEVERITIES = ["minor", "major", "extreme"];
/** Categories of verdicts without a name of their own (server/rules/criticality.py). */
const GENERIC = ["generic_success", "generic_failure"];

/** The texts and tiles of `roll` (a member `roll` of a dice board) in `lang`. */
export function rollView(roll, lang) {
  const say = words(lang);
  if (roll.type !== "dice.roll") return secretView(roll, lang, say);
  const critical = criticalOf(roll, say);
  const groups = Array.isArray(roll.groups) ? roll.groups : [];
  const fallen = groups.flatMap((group) => diceOf(group));
  const unseen = groups.reduce((sum, group) => sum + (group?.more?.count > 0 ? group.more.count : 0), 0);
  const formula = displayText(roll.notation, 40);
  const figure = figureOf(roll, formula, fallen.length + unseen, lang, say);
  return {
    kind: "roll",
    version: `${lang}|${roll.revision}|${roll.simulated === true}`,
    ...whoOf(roll, critical, say),
    tiles: tilesOf(fallen, unseen, figure.width),
    single: singleOf(fallen, unseen),
    figure,
    formula: figure.word === "" ? formula : "",
    verdict: roll.success === true ? "success" : roll.success === false ? "failure" : null,
    verdictText: roll.success === true ? say.success : roll.success === false ? say.failure : "",
    critical,
    note: roll.inconsistent === true ? say.inconsistent : roll.verified === true ? "" : say.unverified,
    inconsistent: roll.inconsistent === true,
    opened: hex8(roll.seal) !== null,
    mark: roll.simulated === true ? say.simulated : null,
  };
}

function secretView(roll, lang, say) {
  const seal = hex8(roll.seal);
  return {
    kind: "secret",
    version: `${lang}|secret`,
    name: say.secretRoll,
    label: seal === null ? say.secretHint : say.sealedRoll,
    tiles: { size: LARGEST, columns: 1, list: [], rest: 0 },
    single: null,
    figure: { text: "", word: "", size: 0, width: 0 },
    formula: "",
    verdict: null,
    verdictText: "",
    critical: null,
    note: "",
    inconsistent: false,
    seal,
    opened: false,
    mark: roll.simulated === true ? say.simulated : null,
  };
}

function hex8(value) {
  return typeof value === "string" && /^[0-9a-f]{8,}$/i.test(value) ? value.slice(0, 8).toLowerCase() : null;
}

/** Name and, below it, what was rolled for. A critical's own name, where it is no general one, comes first. */
function whoOf(roll, critical, say) {
  const character = displayText(roll.character_name, NAME);
  const player = displayText(roll.player_name, NAME);
  const name = character || player || (roll.is_gm === true ? say.gm : say.roll);
  const label = displayText(roll.label, 60) || (Object.hasOwn(say.kinds, roll.kind) ? say.kinds[roll.kind] : "");
  const seal = hex8(roll.seal) === null ? "" : fill(say.opened, { hash: hex8(roll.seal) });
  const parts = [seal, critical?.label, label, displayText(roll.damage_type, 20)].filter(Boolean);
  if (parts.length === 0 && player && player !== name) parts.push(player);
  return { name, label: [...new Set(parts)].join(" · ") };
}

/** The word over the card: the rule's own if it is short, else CRITICAL or FUMBLE. */
function criticalOf(roll, say) {
  const { critical } = roll;
  if (typeof critical !== "object" || critical === null) return null;
  const failure = critical.type === "failure";
  const severity = SEVERITIES.includes(critical.severity) ? critical.severity : "major";
  const own = GENERIC.includes(critical.category) ? "" : displayText(critical.label, 60);
  const fits = own !== "" && breadth(own) <= 10;
  const word = (fits ? own : failure ? say.fumble : say.critical).toLocaleUpperCase();
  return { failure, severity, word, long: breadth(word) > 8, label: fits ? "" : own };
}

/** The large number: successes where they were counted, else the sender's total. Few dice leave room for more. */
function figureOf(roll, formula, dice, lang, say) {
  const counted = Number.isInteger(roll.successes);
  const value = counted ? roll.successes : roll.total;
  const word = counted ? plural(lang, say.successes, value, "") : "";
  const below = breadth(word || formula) * (word ? 14 : 13.6);
  const room = dice <= 1 ? 230 : dice === 2 ? 150 : 120;
  if (!Number.isFinite(value)) return { text: "", word: "", size: 0, width: Math.min(below, room) };
  const groups = Array.isArray(roll.groups) ? roll.groups : [];
  const fate = !counted && groups.length > 0 && groups.every((group) => group?.sides === "F");
  const text = number(value, fate, lang);
  const size = { 1: 120, 2: 120, 3: 112, 4: 84, 5: 68 }[text.length] ?? 52;
  return { text, word, size, width: Math.ceil(Math.max(96, text.length * size * 0.58, Math.min(below, word ? 200 : room))) };
}

function number(value, signed, lang) {
  const sign = value < 0 ? MINUS : signed && value > 0 ? "+" : "";
  const size = Math.abs(value);
  if (Number.isInteger(size)) return sign + short(size, lang);
  return sign + new Intl.NumberFormat(lang, { maximumFractionDigits: 2, useGrouping: false }).format(size);
}

/** The dice of a group as tiles; one d100 is the two dice that lie on the table. */
function diceOf(group) {
  const dice = Array.isArray(group?.dice) ? group.dice : [];
  return dice.flatMap((die) => {
    const tile = {
      sides: Number.isInteger(group.sides) || group.sides === "F" ? group.sides : "custom",
      value: Number.isInteger(die?.value) ? die.value : 0,
      text: "",
      state: ["dropped", "rerolled"].includes(die?.state) ? die.state : "kept",
      exploded: die?.exploded === true,
      extra: die?.extra === true,
      result: die?.success === true ? "success" : die?.failure === true ? "failure" : null,
      negative: group.sign === -1,
    };
    if (tile.sides === "custom") return [{ ...tile, text: displayText(die?.symbol, 32) || String(tile.value) }];
    if (tile.sides === 100 && dice.length <= 2 && tile.value >= 1 && tile.value <= 100) {
      const tens = Math.floor((tile.value % 100) / 10);
      return [
        { ...tile, sides: "tens", text: `${tens}0` },
        { ...tile, sides: 10, text: String(tile.value % 10), extra: false, exploded: false, negative: false },
      ];
    }
    return [{ ...tile, text: tile.sides === "F" ? "" : number(tile.value, false, "en") }];
  });
}

/**
 * How large the tiles are, in how many columns they stand, and which of them find room; `rest` counts all that
 * do not.
 */
function tilesOf(fallen, unseen, figureWidth) {
  const width = MAIN_WIDTH - COLUMN_GAP - figureWidth;
  const least = Math.max(40, ...fallen.map((tile) => LEAST[tile.sides] ?? LEAST_OTHER));
  const rows = (size) => Math.floor((ZONE_HEIGHT + GAP) / (size + GAP));
  const columns = (size) => Math.floor((width + GAP) / (size + GAP));
  const wanted = fallen.length + (unseen > 0 ? 1 : 0);
  let size = LARGEST;
  while (size > least && rows(size) * columns(size) < wanted) size -= 1;
  const places = rows(size) * columns(size);
  const crowded = unseen > 0 || fallen.length > places;
  const list = crowded ? fallen.slice(0, Math.max(0, places - 1)) : fallen;
  const cells = list.length + (crowded ? 1 : 0);
  return { size, columns: Math.max(1, Math.ceil(cells / rows(size))), list, rest: fallen.length - list.length + unseen };
}

/** The one die that a row has room for; null when several count. */
function singleOf(fallen, unseen) {
  const kept = fallen.filter((tile) => tile.state === "kept");
  if (unseen > 0) return null;
  return kept.length === 1 ? kept[0] : null;
}

