// Every word the desk says about tables, rolls and rules. One place, so that they agree with each other.

import { ago, count, many, toMs } from "../time.js";

/** provider → how people call it. */
export const VTT = {
  foundry: "Foundry VTT", foundry_messages: "Foundry VTT, chat messages", beyond20: "Beyond20", dddice: "dddice", dndbeyond: "D&D Beyond",
  roll20: "Roll20", owlbear: "Owlbear Rodeo", event_hooker: "Foundry event hooker", discord: "Discord-style webhook",
  neutral: "Own program", manual: "by hand", other: "other",
};

const KINDS_SHOWN = {
  attack: "attack", damage: "damage", healing: "healing", check: "check", save: "save", skill: "skill", initiative: "initiative",
  death_save: "death save", custom: "", table: "table",
};
/** What a roll can be for, by the words of the neutral form. */
const KIND_WORDS = { ...KINDS_SHOWN, custom: "anything else", table: "table of results" };
export const KINDS = Object.entries(KIND_WORDS);
export const CHARACTER_KIND = { pc: "player character", npc: "NPC", monster: "monster" };
export const SEVERITY = { minor: "minor", major: "major", extreme: "extreme" };

/** Who may see a roll, as a short sign and as a sentence. */
export const VISIBILITY = {
  public: ["public", "Everybody sees it."],
  gm_only: ["secret: GM only", "Only the game master sees it."],
  blind: ["secret: blind", "Not even the one who rolled sees it."],
  self: ["secret: self", "Only the one who rolled sees it."],
  whisper: ["secret: whispered", "Only those it was whispered to see it."],
};

/** A table's connection: `{tone, word, facts: […], help}`. */
export function connectionWords(connection) {
  const heard = toMs(connection.heard_at);
  const facts = [];
  if (connection.status === "revoked") {
    return { tone: "off", word: "revoked", facts: heard ? [`last heard ${ago(heard)}`] : [],
      help: "Nothing from it is taken. Its rolls and characters are kept." };
  }
  const sockets = connection.sockets ?? 0;
  if (connection.provider === "foundry" && sockets) facts.push(many(sockets, "browser"));
  facts.push(heard ? `heard ${ago(heard)}` : "never heard");
  if (connection.rolls_per_minute) facts.push(`${count(connection.rolls_per_minute)}\u00a0rolls/min`);
  const isThere = sockets || (heard && Date.now() - heard < 600000);
  if (isThere) return { tone: "good", word: sockets ? "connected" : "sends", facts, help: "" };
  if (!heard) return { tone: "wait", word: "waits for its first roll", facts: [], help: "" };
  return { tone: "off", word: "quiet", facts, help: "" };
}

/** "Rook Feather · Longbow": who rolled, and what for. */
export function rollWhat(roll) {
  const label = roll.label || roll.skill || KINDS_SHOWN[roll.kind] || "";
  return roll.damageType ? [label, roll.damageType].filter(Boolean).join(", ") : label;
}

/** "critical success, major: Natural 20" */
export function criticalWords({ type, severity, label }) {
  const kind = type === "success" ? "critical success" : "critical failure";
  return `${kind}, ${SEVERITY[severity] ?? severity}${label ? `: ${label}` : ""}`;
}

const FIELDS = {
  max_die: ["the highest kept die", "highest die"], min_die: ["the lowest kept die", "lowest die"], total: ["the total", "total"],
  any_die: ["any kept die", "any die"], first_die: ["the first die", "first die"], dice_sum: ["the dice without modifiers", "dice without modifiers"],
  count_max: ["how many dice show their highest face", "dice on their highest face"],
  count_min: ["how many dice show 1", "dice on 1"], share_ones: ["the part of dice that show 1 (0 to 1)", "part of dice on 1"],
  rerolls: ["how many dice were rerolled", "rerolled dice"], count_symbol: ["how many dice show a symbol", "dice with the symbol"],
  natural: ["the one kept d20", "kept d20"], degree: ["the degree of success (0 to 3)", "degree of success"],
  doubles: ["doubles on a d100 (1 is yes)", "doubles on a d100"], snake_eyes: ["1 on trait and wild die (1 is yes)", "snake eyes"],
  successes: ["the successes", "successes"], target: ["the number to reach", "number to reach"],
  succeeded: ["whether it succeeded (1 is yes)", "success"], failed: ["whether it failed (1 is yes)", "failure"],
};
export const RESULT_FIELDS = Object.entries(FIELDS).map(([value, [words]]) => [value, words]);
const SIGNS = { "==": "is", "!=": "is not", ">=": "is at least", "<=": "is at most", ">": "is more than", "<": "is less than" };
export const OPERATORS = Object.entries(SIGNS);

/** A condition `>= 8` → ["is at least", "8"]; null when it is none. */
export function condition(text) {
  const found = /^\s*(==|!=|<=|>=|<|>)\s*(-?\d{1,9}(?:\.\d{1,6})?)\s*$/.exec(text);
  return found && [found[1], found[2]];
}

function clauseWords({ result_field, result_condition, condition: other, group, symbol }) {
  const read = condition(result_condition ?? other ?? "");
  const bare = FIELDS[result_field]?.[1] ?? result_field;
  const field = [bare, symbol && `“${symbol}”`, group && `of dice labelled “${group}”`].filter(Boolean).join(" ");
  return read ? `${field} ${SIGNS[read[0]]} ${read[1].replace("-", "−")}` : `${field} ${result_condition ?? other}`;
}

/** "d20: the highest die is 20, and …" */
export function ruleWords(rule) {
  const formula = rule.dice_formula && rule.dice_formula !== "*" ? `${rule.dice_formula}: ` : "";
  const kinds = rule.kinds?.length ? `${rule.kinds.map((kind) => KIND_WORDS[kind] ?? kind).join(" or ")}: ` : "";
  return formula + kinds + [rule, ...(rule.also ?? [])].map(clauseWords).join(", and ");
}

/** The systems whose books are known, by the id that tabletops use. */
export const SYSTEMS = [
  ["", "No system: only my own rules"], ["dnd5e", "D&D 5e"], ["pf2e", "Pathfinder 2e"], ["CoC7", "Call of Cthulhu 7"], ["wfrp4e",
    "Warhammer Fantasy 4"],
  ["swade", "Savage Worlds"], ["cyberpunk-red-core", "Cyberpunk RED"], ["alienrpg", "Alien"], ["forbidden-lands", "Forbidden Lands"],
  ["vaesen", "Vaesen"], ["blades-in-the-dark", "Blades in the Dark"], ["vtm5e", "Vampire 5e"], ["wod5e", "World of Darkness 5e"],
  ["shadowrun5e", "Shadowrun 5"], ["shadowrun6-eden", "Shadowrun 6"], ["starwarsffg", "Star Wars FFG"], ["genesys", "Genesys"],
  ["fate-core-official", "Fate Core"], ["k4lt", "KULT"], ["city-of-mist", "City of Mist"],
];

export function systemName(id) {
  return SYSTEMS.find(([known]) => known.toLowerCase() === (id ?? "").toLowerCase())?.[1] ?? id;
}

/** What a chi-square test says, without the word: `{tone, text}`. */
export function fairWords({ count: fell, distribution, p_value: p, is_enough: isEnough }) {
  if (!isEnough) {
    return { tone: "wait", text: `Too few to say anything: ${count(fell)} of at least ${many(distribution.length * 5, "die", "dice")}.` };
  }
  const share = p * 100;
  const chance = share < 0.1 ? "fewer than 1 in 1 000" : share < 1 ? `${Math.max(1, Math.round(share * 10))} in 1 000` : `${Math.round(share)} in 100`;
  if (p < 0.01) return { tone: "warn", text: `Strange: of fair dice, ${chance} fall as uneven as this.` };
  if (p < 0.05) return { tone: "wait", text: `Uneven, and may still be chance: of fair dice, ${chance} fall like this.` };
  return { tone: "good", text: `As fair dice fall: ${chance} fair ones are as uneven as this, or more.` };
}

/** Standard deviations above the mean → words. */
export function luckWords(z) {
  const size = Math.abs(z);
  const way = z > 0 ? "lucky" : "unlucky";
  if (size < 1) return "as luck goes";
  return size < 2 ? `a little ${way}` : size < 3 ? way : `very ${way}`;
}

/** Commands to tables. */
export const COMMAND = {
  roll_dice: "Roll dice", chat_message: "Say something in the chat", delete_message: "Delete a message", modify_actor: "Change an actor",
  apply_spell_effect: "Put an effect on a spell", remove_spell_effect: "Take an effect off a spell",
  apply_monster_effect: "Make a monster stronger or weaker", remove_monster_effect: "Take an effect off a monster",
  cleanup_all_effects: "Take all effects off", request_sync: "Send characters anew",
};
export const COMMAND_STATE = {
  waiting: ["wait", "waits for the table"], told: ["good", "told"], reported: ["good", "done, the table says"], dead: ["off", "not told"],
  needs_person: ["bad", "told or not, nobody knows"],
};
