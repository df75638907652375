// The alerts of a board at an instant: a pure function of the board and the server's time. At most one is shown;
// who waits has its own instants, so that a page loaded in the middle shows what all others show.

import { alertWords } from "./alert_words.js";
import { grouped } from "./format.js";
import { breadth, displayText } from "./text.js";
import { fill, language, plural, words } from "./words.js";

export const ENTER_MS = 360;
export const EXIT_MS = 240;
/** How long an alert asks for attention: it comes, its seal is stamped, its sparks fly. */
const LOUD_MS = 1500;
const STAMP = { late: 140, duration: 420 };
const SWEEP = { late: 300, duration: 800 };
const SPARKS = { late: 380, duration: 1100 };

const KINDS = Object.freeze(["follow", "subscription", "resub", "gift", "bits", "kicks", "donation", "raid"]);
/** Kinds of which the figure says more than how many people there were. */
const COUNTED = Object.freeze(["gift", "bits", "kicks", "raid"]);
const NAME_LIMIT = 18;
const MESSAGE_LIMIT = 110;
/** What a row of several names has room for, in Latin letters: beside a figure, and alone. */
const ROW = { beside: 20, alone: 32 };
/** A dot between two names, and how broad "+12 more" is in its pill. */
const DOT = 2.3;
const pill = (more) => (more === "" ? 0 : breadth(more) * 0.85 + 2.5);

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

function times(alert) {
  const starts = instant(alert?.starts_at);
  const ends = instant(alert?.ends_at);
  return starts === null || ends === null || !KINDS.includes(alert.type) ? null : { alert, starts, ends };
}

function timed(board) {
  const list = Array.isArray(board?.alerts) ? board.alerts : [];
  return list.map(times).filter((one) => one !== null);
}

/** Every alert asks for attention while it comes. */
export function alertClaims(board) {
  return timed(board).map(({ starts }) => ({ urgency: "alert", start: starts, end: starts + LOUD_MS }));
}

function number(value) {
  return Number.isFinite(value) && value > 0 ? Math.min(Math.round(value), 1e15) : 0;
}

/** `12.50` and `EUR` as the language writes money; the code itself where the browser does not know it. */
export function moneyText(amount, currency, lang) {
  const value = Number(amount);
  if (!Number.isFinite(value) || typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) return "";
  const digits = String(amount).split(".")[1]?.length ?? 0;
  const whole = Number.isInteger(value);
  const form = new Intl.NumberFormat(lang, {
    style: "currency",
    currency,
    minimumFractionDigits: whole ? 0 : digits,
    maximumFractionDigits: whole ? 0 : digits,
  });
  return form.format(value);
}

/** The large figure: `{text, unit}`, empty where nothing is to be counted. */
function figureOf(alert, people, say, lang) {
  if (alert.type === "donation") return { text: moneyText(alert.amount, alert.currency, lang), unit: "" };
  if (alert.type === "resub" && people === 1 && number(alert.months) > 0) {
    return { text: grouped(number(alert.months)), unit: plural(lang, say.unit.resub, number(alert.months), "") };
  }
  if (!COUNTED.includes(alert.type)) return { text: "", unit: "" };
  const count = number(alert.quantity);
  return { text: grouped(count), unit: plural(lang, say.unit[alert.type], count, "") };
}

/** The first names, as many as a row has room for beside "+12 more", and that: one of them stands in any case. */
function fitting(given, people, say, room) {
  const all = given.slice(0, 3).map((name) => displayText(name, NAME_LIMIT) || say.somebody);
  if (all.length === 0) all.push(say.somebody);
  for (let shown = all.length; ; shown -= 1) {
    const names = all.slice(0, shown);
    const rest = people - shown;
    const more = rest > 0 ? fill(say.more, { n: grouped(rest) }) : "";
    const broad = names.reduce((sum, name) => sum + breadth(name) + DOT, -DOT) + pill(more);
    if (shown === 1 || broad <= room) return { names, more };
  }
}

// First strong isolate and its end: a name must not turn the words around it.
const isolated = (text) => (text === "" ? "" : `\u2068${text}\u2069`);

function ownWords(alert, names, more, figure, say, message) {
  const template = typeof alert.template === "string" ? alert.template : "";
  if (template === "") return null;
  const who = [...names.map(isolated), ...(more === "" ? [] : [more])].join(", ");
  const text = fill(displayText(template, 120), {
    name: who,
    amount: [figure.text, figure.unit].filter((part) => part !== "").join(" "),
    months: number(alert.months) || "",
    tier: number(alert.tier) || "",
    message: isolated(message),
  });
  return text.trim() === "" ? null : text;
}

function cardOf({ alert, starts, ends }, now, settings) {
  const lang = language(settings.lang);
  const say = alertWords(lang);
  const people = Math.max(1, number(alert.people));
  const figure = figureOf(alert, people, say, lang);
  const room = figure.text === "" ? ROW.alone : ROW.beside;
  const { names, more } = fitting(Array.isArray(alert.names) ? alert.names : [], people, say, room);
  const message = displayText(alert.message, MESSAGE_LIMIT);
  const tier = number(alert.tier);
  const text = ownWords(alert, names, more, figure, say, message);
  const own = (part) => ({ start: starts + part.late, duration: part.duration });
  return {
    key: String(alert.id ?? starts),
    type: alert.type,
    title: plural(lang, say.title[alert.type], people, grouped(people)),
    tier: tier > 1 ? fill(say.tier, { n: tier }) : "",
    names,
    more,
    text,
    figure,
    message: text === null && people === 1 ? message : "",
    mark: alert.test === true ? words(lang).test : null,
    leaving: now >= ends,
    motions: {
      enter: { start: starts, duration: ENTER_MS },
      stamp: own(STAMP),
      sweep: own(SWEEP),
      sparks: own(SPARKS),
      exit: { start: ends, duration: EXIT_MS },
    },
  };
}

/** The view of `board` at server time `now`: one card or none. */
export function alertView(board, now, settings = {}) {
  const all = timed(board);
  const current = all.find(({ starts, ends }) => now >= starts && now < ends + EXIT_MS) ?? null;
  const due = all.flatMap(({ starts, ends }) => [starts, ends, ends + EXIT_MS]).filter((at) => at > now);
  const card = current === null ? null : cardOf(current, now, settings);
  return {
    card,
    visible: card !== null,
    motions: { exit: card?.motions.exit ?? null },
    nextChange: due.length > 0 ? Math.min(...due) : null,
  };
}
