// A roll as the API tells it → what the desk draws of it, and its dice as a row of small dice.

import { h } from "../dom.js";
import { toMs } from "../time.js";

const MOST_DRAWN = 24;

/** The roll in the desk's own words. Nothing in it is shown before `roll_row.js` decides that it may be. */
export function shape(raw) {
  return {
    id: raw.id,
    revision: raw.revision ?? 1,
    isSecret: raw.visibility !== "public" && !raw.revealed_at,
    visibility: raw.visibility,
    player: raw.player_name ?? "",
    character: raw.character_name ?? "",
    isGm: Boolean(raw.is_gm),
    label: raw.label ?? "",
    kind: raw.kind ?? "custom",
    damageType: raw.damage_type ?? "",
    mode: raw.mode ?? "normal",
    notation: raw.notation ?? "",
    groups: raw.groups ?? [],
    modifiers: raw.modifiers ?? [],
    total: raw.total ?? null,
    successes: raw.successes ?? null,
    critical: raw.critical ?? null,
    pending: raw.attribution === "pending",
    dismissed: raw.attribution === "dismissed",
    characterId: raw.character_id ?? null,
    inconsistencies: raw.inconsistencies ?? [],
    anomalies: raw.anomalies ?? [],
    verified: Boolean(raw.verified),
    isTest: Boolean(raw.simulated),
    isForced: Boolean(raw.forced),
    seal: raw.seal ?? null,
    revealedAt: toMs(raw.revealed_at),
    system: raw.system ?? "",
    skill: raw.details?.skill ?? "",
    shownAt: toMs(raw.shown_at),
    at: toMs(raw.rolled_at ?? raw.received_at),
  };
}

/** "24", "3 successes", "withheld" */
export function totalWords({ total, successes }) {
  if (successes !== null && successes !== undefined) return `${successes} ${successes === 1 ? "success" : "successes"}`;
  return total === null ? "no total" : String(total).replace("-", "−");
}

/** The dice as small squares: dropped ones struck through, exploded ones with a burst, rerolled ones turned. */
export function diceRow({ groups, modifiers }) {
  const parts = [];
  let drawn = 0;
  let left = 0;
  for (const group of groups) {
    const dice = group.dice ?? [];
    for (const die of dice) {
      if (drawn >= MOST_DRAWN) left += 1;
      else {
        drawn += 1;
        parts.push(oneDie(die, group));
      }
    }
    left += group.more?.count ?? 0;
  }
  if (left) parts.push(h("span", { class: "die-more", text: `and ${left} more` }));
  for (const { value } of modifiers) {
    parts.push(h("span", { class: "die-plus", text: `${value < 0 ? "−" : "+"}${Math.abs(value)}` }));
  }
  return parts;
}

const MARKS = { dropped: "dropped", rerolled: "rerolled" };

function oneDie(die, group) {
  const isFate = group.sides === "F";
  const face = die.symbol || (isFate ? { "-1": "−", 0: "0", 1: "+" }[die.value] ?? die.value : die.value);
  const words = [MARKS[die.state], die.exploded && "exploded", die.extra && "extra"].filter(Boolean);
  const sides = isFate ? "F" : group.sides;
  const node = h("span", { class: "die", data: { sides: String(sides), state: die.state }, title: [`d${sides}`, ...words].join(", ") },
    h("span", { text: `${group.sign < 0 ? "−" : ""}${face}` }), words.length > 0 && h("span", { class: "unseen", text: ` ${words.join(", ")}` }));
  if (die.exploded) node.classList.add("burst");
  if (die.extra) node.classList.add("extra");
  return node;
}
