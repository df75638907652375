// What a notation such as 2d20kh1+7 says, while it is typed. The same grammar as server/rules/notation.py, which judges in the
// end; here it only tells early what is wrong, between which numbers the total lies, and which dice fall.

const MOST = { characters: 256, dice: 1000, groups: 64, numbers: 32, sides: 10000, digits: 9, depth: 16 };
const MINUSES = /[\u2010-\u2014\u2212\ufe63]/g;
const FULL_WIDTH = /[\uff01-\uff5e]/g;
const NONE = { low: 0, high: 0, dice: [], numbers: [], flat: true };

/** Where a text stops being notation, and why. */
class NotNotation extends Error {
  constructor(at, reason) {
    super(reason);
    this.at = at;
  }
}

/**
 * `{ok: true, low, high, dice: [{count, sides, sign, keeps, counts}], numbers: [signed], flat}`, or
 * `{ok: false, at, reason}`. `high` is Infinity where dice explode; `flat`: only added, never multiplied.
 */
export function read(text) {
  try {
    return { ok: true, ...new Reader(text).read() };
  } catch (error) {
    if (error instanceof NotNotation) return { ok: false, at: error.at, reason: error.message };
    throw error;
  }
}

class Reader {
  constructor(text) {
    if ([...text].length > MOST.characters) throw new NotNotation(MOST.characters, `it is longer than ${MOST.characters} characters`);
    // One character for one: positions in what is read are positions in what was typed.
    this.text = text.replace(FULL_WIDTH, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(MINUSES, "-")
      .replace(/[A-Z]/g, (c) => c.toLowerCase()).replaceAll("×", "*").replaceAll("÷", "/");
    Object.assign(this, { at: 0, depth: 0, dice: 0, groups: 0, numbers: 0 });
  }

  read() {
    const found = this.sum();
    if (this.ahead()) this.refuse(`“${[...this.text.slice(this.at)][0]}” has no meaning here`);
    return found;
  }

  refuse(reason, at = this.at) {
    throw new NotNotation(at, reason);
  }

  ahead() {
    while (this.at < this.text.length && /\s/.test(this.text[this.at])) this.at += 1;
    return this.text[this.at] ?? "";
  }

  taken(...words) {
    this.ahead();
    const word = words.find((one) => this.text.startsWith(one, this.at)) ?? "";
    this.begun = this.at;
    this.at += word.length;
    return word;
  }

  digits() {
    this.ahead();
    const start = this.at;
    while (/[0-9]/.test(this.text[this.at] ?? "")) this.at += 1;
    if (this.at - start > MOST.digits) this.refuse(`a number has more than ${MOST.digits} digits`, start);
    return this.at > start ? Number(this.text.slice(start, this.at)) : null;
  }

  sum() {
    let found = this.product(1);
    for (let word = this.taken("+", "-"); word; word = this.taken("+", "-")) {
      found = added(found, this.product(word === "+" ? 1 : -1));
    }
    return found;
  }

  product(sign) {
    let found = this.factor();
    for (let word = this.taken("*", "/"); word; word = this.taken("*", "/")) found = combined(found, this.factor(), word);
    return sign < 0 ? negative(found) : found;
  }

  factor() {
    let isNegative = false;
    for (let word = this.taken("+", "-"); word; word = this.taken("+", "-")) if (word === "-") isNegative = !isNegative;
    const found = this.taken("(") ? this.parentheses() : this.atom();
    if (this.taken("[")) this.label();
    return isNegative ? negative(found) : found;
  }

  parentheses() {
    const opened = this.begun;
    this.depth += 1;
    if (this.depth > MOST.depth) this.refuse(`more than ${MOST.depth} parentheses in each other`, opened);
    const found = this.sum();
    this.depth -= 1;
    if (!this.taken(")")) this.refuse("this parenthesis is not closed", opened);
    return found;
  }

  label() {
    const end = this.text.indexOf("]", this.at);
    if (end < 0) this.refuse("this label is not closed", this.at - 1);
    if (this.text.slice(this.at, end).includes("[")) this.refuse("a label in a label");
    this.at = end + 1;
  }

  atom() {
    this.ahead();
    const start = this.at;
    const number = this.digits();
    if (this.taken("d")) return this.diceOf(number ?? 1, start);
    if (number === null) this.refuse("dice such as 2d6, or a number, must stand here", start);
    this.numbers += 1;
    if (this.numbers > MOST.numbers) this.refuse(`more than ${MOST.numbers} numbers`, start);
    return { low: number, high: number, dice: [], numbers: [number], flat: true };
  }

  diceOf(count, start) {
    this.groups += 1;
    if (this.groups > MOST.groups) this.refuse(`more than ${MOST.groups} kinds of dice`, start);
    this.dice += count;
    if (this.dice > MOST.dice) this.refuse(`more than ${MOST.dice} dice`, start);
    const sides = this.sides();
    const rolled = { count, sides, sign: 1, keeps: [], counts: false, explodes: false, least: null, most: null, failure: false };
    let isMore = true;
    while (isMore) isMore = this.modifier(rolled);
    return { ...range(rolled), dice: [rolled], numbers: [], flat: true };
  }

  sides() {
    if (this.taken("%")) return 100;
    if (this.taken("f")) return "F";
    this.ahead();
    const start = this.at;
    const sides = this.digits();
    if (sides === null) this.refuse("after the d the number of sides must follow, or F or %");
    if (sides < 1 || sides > MOST.sides) this.refuse(`dice have 1 to ${MOST.sides} sides`, start);
    return sides;
  }

  modifier(rolled) {
    if (this.taken("ro", "r")) return this.condition(true);
    if (this.taken("!!", "!p", "!o", "!")) {
      this.once(rolled.explodes, "an explosion");
      rolled.explodes = true;
      return this.condition(false);
    }
    for (const [word, name] of [["min", "least"], ["max", "most"]]) {
      if (!this.taken(word)) continue;
      this.once(rolled[name] !== null, `a ${word}`);
      rolled[name] = this.number(word);
      return true;
    }
    const keep = this.taken("kh", "kl", "dh", "dl");
    if (keep) {
      rolled.keeps.push([keep, this.digits() ?? 1]);
      return true;
    }
    if (this.taken("f")) {
      this.once(rolled.failure, "a mark for failures");
      rolled.failure = true;
      return this.condition(true);
    }
    const begun = this.at;
    if (!this.comparison()) return false;
    this.begun = begun;
    this.once(rolled.counts, "a count of successes");
    this.signed();
    rolled.counts = true;
    return true;
  }

  once(there, what) {
    if (there) this.refuse(`there is ${what} already`, this.begun);
  }

  condition(isNeeded) {
    if (this.comparison()) this.signed();
    else if (this.digits() === null && isNeeded) this.refuse("a number such as 1 or <3 must follow");
    return true;
  }

  comparison() {
    return this.taken(">=", "<=", "≥", "≤", ">", "<", "=");
  }

  signed() {
    this.taken("-");
    return this.number("the sign");
  }

  number(after) {
    const number = this.digits();
    if (number === null) this.refuse(`a whole number must follow ${after}`);
    return number;
  }
}

/** Between which numbers such dice lie. */
function range({ count, sides, keeps, counts, explodes, least, most }) {
  const kept = keeps.reduce((left, [which, n]) => (which[0] === "k" ? Math.min(left, n) : Math.max(0, left - n)), count);
  if (counts) return { low: 0, high: explodes && count ? Infinity : kept };
  const clamp = (face) => Math.min(Math.max(face, least ?? -Infinity), most ?? Infinity);
  const [low, high] = sides === "F" ? [-1, 1] : [1, sides];
  return { low: kept * clamp(low), high: explodes && kept ? Infinity : kept * clamp(high) };
}

function added(one, other) {
  return {
    low: one.low + other.low, high: one.high + other.high, dice: [...one.dice, ...other.dice],
    numbers: [...one.numbers, ...other.numbers], flat: one.flat && other.flat,
  };
}

function negative(found) {
  return {
    ...found, low: -found.high, high: -found.low, numbers: found.numbers.map((number) => -number),
    dice: found.dice.map((rolled) => ({ ...rolled, sign: -rolled.sign })),
  };
}

function combined(one, other, operator) {
  const corners = [one.low, one.high].flatMap((a) => [other.low, other.high].map((b) => (operator === "*" ? a * b : a / b)));
  const isKnown = corners.every((corner) => !Number.isNaN(corner)) && (operator === "*" || other.low > 0 || other.high < 0);
  const bounds = isKnown ? { low: Math.min(...corners), high: Math.max(...corners) } : { low: -Infinity, high: Infinity };
  return { ...NONE, ...bounds, dice: [...one.dice, ...other.dice], flat: false };
}

/** "1d20+7 lies between 8 and 27", as short words. */
export function rangeWords({ low, high }) {
  const number = (n) => (Number.isInteger(n) ? String(n).replace("-", "−") : String(Math.round(n * 100) / 100).replace("-", "−"));
  if (!Number.isFinite(low)) return "any total";
  if (!Number.isFinite(high)) return `${number(low)} or more`;
  return low === high ? `always ${number(low)}` : `${number(low)} to ${number(high)}`;
}

/** The notation with one more die of so many sides: `2d6+3` and 6 → `3d6+3`. */
export function withDie(text, sides) {
  const die = sides === "F" ? "dF" : `d${sides}`;
  const plain = text.trim();
  if (plain === "") return `1${die}`;
  const same = new RegExp(`(^|[+\\s])(\\d{0,3})${die}(?![0-9%])`, "i");
  const found = same.exec(plain);
  if (found) return plain.replace(same, `${found[1]}${Number(found[2] || 1) + 1}${die}`);
  return `${plain}+1${die}`;
}

/** The notation with so much more added to its last number: `1d20+4` and 1 → `1d20+5`. */
export function withMore(text, more) {
  const found = /([+-])\s*(\d{1,6})\s*$/.exec(text);
  const before = found ? text.slice(0, found.index) : text.trim();
  const sum = (found ? Number(found[1] + found[2]) : 0) + more;
  return sum === 0 ? before : `${before}${sum > 0 ? "+" : "-"}${Math.abs(sum)}`;
}

/** With advantage, with disadvantage, or plain: only for one d20 as `1d20…` or `2d20kh1…` at the beginning. */
export function withMode(text, mode) {
  const found = /^\s*(?:1?d20(?![0-9khld])|2d20k[hl]1?)/i.exec(text);
  if (!found) return text;
  const head = { normal: "1d20", advantage: "2d20kh1", disadvantage: "2d20kl1" }[mode];
  return head + text.slice(found[0].length);
}

/** Which of them a notation says; null where advantage has no meaning. */
export function modeOf(text) {
  const found = /^\s*(?:(1?d20)(?![0-9khld])|2d20k([hl])1?)/i.exec(text);
  if (!found) return null;
  if (found[1]) return "normal";
  return found[2].toLowerCase() === "h" ? "advantage" : "disadvantage";
}
