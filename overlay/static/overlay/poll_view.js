// What a poll looks like at an instant: a pure function of the board (contract §7) and the server's time.
// The element in poll.js only writes down what this says, so a page loaded in the middle of a reveal is in
// the middle of the reveal. Numbers are those of the design brief (widgets.md §1, §2).

import { countdown, grouped, percent, percentSign, short } from "./format.js";
import { breadth, displayText } from "./text.js";
import { fill, language, plural, words } from "./words.js";

/** The picture runs this far behind the instants of the board, so that a frame in flight cuts nothing off. */
export const LEAD_MS = 120;
export const ENTER_MS = 360;
export const ROW_STAGGER_MS = 60;
export const EXIT_MS = 240;
export const DIM_MS = 250;
export const GROW_MS = 420;
export const RACE_MS = 1600;
export const CONFETTI_MS = 800;
export const SWEEP_MS = 1500;
/** The last seconds of a poll, in gold. */
export const FINAL_SECONDS = 10;
const TIE_RULES = ["gm", "first", "random", "none"];
const WEIGHTINGS = ["channel", "capped", "per_head"];

/** Fast start, soft landing; the same curve as the CSS easing of the bars. */
export function easeOut(x) {
  return 1 - (1 - x) ** 3;
}

/** How far a motion is at `now`: 0 before it starts, 1 after it ended, linear between. */
export function progress(motion, now) {
  return Math.min(1, Math.max(0, (now - motion.start) / motion.duration));
}

/**
 * The view of `board` at server time `now` (ms since 1970).
 * `settings`: `lang` (BCP 47), `wide` (two columns from three options on), `tall` (one column for ever),
 * `mark` ("test" marks a sample).
 * Returns plain data: texts, fractions and motions (`{start, duration}` in server time), and `nextChange`,
 * the next instant at which something other than a running motion changes (null: never by itself).
 */
export function pollView(board, now, settings = {}) {
  const lang = language(settings.lang);
  const say = words(lang);
  const times = readTimes(board, now);
  const options = Array.isArray(board.options) ? board.options.slice(0, 10) : [];
  const phase = times.phase;
  const revealed = phase === "revealed";
  const sealed = board.secret === true && !revealed;
  const tie = readTie(board, phase);
  const motions = readMotions(board, times, options.length, tie);
  const empty = board.total_votes === 0;
  // While the bars of a secret ballot race up, nothing tells how they will end.
  const racing = motions.race !== null && now < motions.race.start + motions.race.duration;
  const told = racing ? { ...tie, stands: false, decided: false } : tie;
  const columns = !settings.tall && (options.length >= 6 || (settings.wide && options.length >= 3)) ? 2 : 1;
  const question = displayText(board.question, 120);
  const view = {
    key: String(board.poll_id),
    lang,
    phase,
    visible: motions.exit === null || now < motions.exit.start + motions.exit.duration,
    live: phase === "open" || phase === "closing",
    mark: settings.mark === "test" ? say.test : board.simulated === true ? say.simulated : null,
    question,
    columns,
    width: widthFor(question, columns, settings),
    status: statusOf(board, phase, told, options.length, lang),
    glyphs: phase === "open" ? platforms(board.channels) : [],
    ring: ringOf(phase, times, tie, now),
    rows: options.map((option, i) => rowOf(board, option, i, { now, lang, phase, sealed, tie, motions })),
    sealed,
    jar: jarOf(board, phase, motions, now, lang, say),
    footers: footersOf(board, phase, told, lang, empty),
    tied: told.stands,
    motions,
    nextChange: null,
  };
  view.nextChange = nextChange(view, times, now);
  return view;
}

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

/** The phase as the clock has it: past its end an open poll is counting, whether or not we were told yet. */
function readTimes(board, now) {
  const opens = instant(board.opens_at) ?? 0;
  const closes = instant(board.closes_at);
  let phase = ["open", "closing", "closed", "revealed"].includes(board.phase) ? board.phase : "open";
  let started = instant(board.phase_started_at) ?? opens;
  let ends = instant(board.ends_at);
  if (phase === "open" && ends !== null && now >= ends) {
    phase = "closing";
    started = ends;
    ends = null;
  }
  return { phase, started, ends, opens, closes };
}

function readTie(board, phase) {
  const rule = TIE_RULES.includes(board.tie?.rule) ? board.tie.rule : "none";
  const options = Array.isArray(board.tie?.options) ? board.tie.options : [];
  const winner = Number.isInteger(board.winner) ? board.winner : null;
  const counted = phase === "closed" || phase === "revealed";
  // Until the reveal the stage keeps quiet about who a declared rule has picked.
  const decided = phase === "revealed" && winner !== null;
  return {
    rule,
    options,
    stands: counted && options.length > 1 && !decided,
    decided: decided && options.length > 1,
    winner: phase === "revealed" ? winner : null,
    commitment: hex8(board.tie?.commitment),
    seed: hex8(board.tie?.seed),
  };
}

function hex8(value) {
  return typeof value === "string" && /^[0-9a-f]{8,}$/i.test(value) ? value.slice(0, 8).toLowerCase() : null;
}

function readMotions(board, times, count, tie) {
  const enterRows = ENTER_MS + ROW_STAGGER_MS * Math.max(0, count - 1);
  const motions = {
    enter: { start: times.opens + LEAD_MS, duration: ENTER_MS },
    rows: { start: times.opens + LEAD_MS, duration: enterRows + ROW_STAGGER_MS },
    race: null,
    reveal: null,
    confetti: null,
    exit: null,
    // The shimmer under "Counting last votes…": one sweep, over and over.
    counting: times.phase === "closing" ? { start: times.started, duration: SWEEP_MS } : null,
  };
  if (times.phase !== "revealed") return motions;
  const start = times.started + LEAD_MS;
  // A game master's decision starts the result anew (server/rules/poll.py): the bars have raced already.
  const again = tie.rule === "gm" && tie.decided;
  if (board.secret === true && !again && board.total_votes > 0) motions.race = { start, duration: RACE_MS };
  const revealAt = motions.race === null ? start : start + RACE_MS;
  if (tie.winner !== null) {
    motions.reveal = { start: revealAt, duration: GROW_MS };
    motions.confetti = { start: revealAt + 80, duration: CONFETTI_MS };
  } else if (motions.race !== null) {
    motions.reveal = { start: revealAt, duration: DIM_MS };
  }
  if (times.ends !== null) motions.exit = { start: times.ends, duration: EXIT_MS };
  return motions;
}

/** 560 is the brief's width, 640 its limit; a question that two such lines cannot hold gets the wide card. */
function widthFor(question, columns, settings) {
  if (settings.tall) return 760;
  if (columns === 2) return 900;
  const letters = breadth(question);
  if (letters <= 44) return 560;
  return letters <= 52 ? 640 : 900;
}

function statusOf(board, phase, tie, count, lang) {
  const say = words(lang);
  const empty = board.total_votes === 0;
  if (phase === "open") {
    const [before, after] = say.type.split("{range}");
    const range = count === 1 ? "1" : `1–${count}`;
    return { kind: "hint", parts: [plain(before), { text: range, strong: true }, plain(after)] };
  }
  if (phase === "closing") return { kind: "counting", parts: [plain(say.counting)] };
  if (empty) return { kind: "empty", parts: [plain(say.noVotes)] };
  if (tie.stands) return { kind: "tie", parts: [plain(say.tie[tie.rule])] };
  if (phase === "closed") return { kind: "locked", parts: [plain(say.locked)] };
  return { kind: "total", parts: totals(board, tie, lang).map(plain) };
}

/** The total line: "1 812 votes", "3 channels", "40 by channel points", "tie rule: none". */
function totals(board, tie, lang) {
  const say = words(lang);
  const seats = Array.isArray(board.channels) ? board.channels : [];
  const byPoints = seats.filter((seat) => seat?.counts === "points");
  const channels = seats.length - byPoints.length;
  const paid = byPoints.reduce((sum, seat) => sum + (seat.votes ?? 0), 0);
  const parts = [plural(lang, say.votes, board.total_votes, grouped(board.total_votes))];
  if (channels > 0) parts.push(plural(lang, say.channels, channels, grouped(channels)));
  if (paid > 0) parts.push(plural(lang, say.byPoints, paid, grouped(paid)));
  parts.push(tie.decided ? say.decided[tie.rule] : fill(say.tieRule, { rule: say.tieRules[tie.rule] }));
  return parts;
}

function plain(text) {
  return { text, strong: false };
}

function platforms(channels) {
  if (!Array.isArray(channels)) return [];
  const known = channels.map((channel) => (["twitch", "kick"].includes(channel?.platform) ? channel.platform : "other"));
  return [...new Set(known)];
}

/** The countdown of an open poll; a lock once it is counted, with a ring when the reveal is timed. */
function ringOf(phase, times, tie, now) {
  if (phase === "open" && times.ends !== null) {
    const left = Math.max(0, Math.ceil((times.ends - now) / 1000));
    const whole = Math.max(1, (times.ends - times.opens) / 1000);
    return { text: countdown(left), seconds: left, fraction: Math.min(1, left / whole), gold: left <= FINAL_SECONDS, icon: null };
  }
  if (phase !== "closed" || tie.stands) return null;
  if (times.ends === null) return { text: "", seconds: null, fraction: 1, gold: false, icon: "lock" };
  const left = Math.max(0, Math.ceil((times.ends - now) / 1000));
  const whole = Math.max(1, (times.ends - times.started) / 1000);
  return { text: "", seconds: left, fraction: Math.min(1, left / whole), gold: false, icon: "lock" };
}

function rowOf(board, option, i, { now, lang, phase, sealed, tie, motions }) {
  const index = Number.isInteger(option?.index) ? option.index : i + 1;
  const known = !sealed && Number.isFinite(option?.share) && Number.isFinite(option?.votes);
  const share = known ? Math.min(1, Math.max(0, option.share)) : 0;
  const top = known ? Math.max(...board.options.map((other) => other?.share ?? 0)) : 0;
  const raced = motions.race === null ? 1 : easeOut(progress(motions.race, now));
  const leads = known && phase !== "revealed" && Array.isArray(board.leaders) && board.leaders.includes(index);
  const revealing = motions.reveal === null ? 1 : progress(motions.reveal, now);
  const begun = motions.reveal === null || now >= motions.reveal.start;
  const wins = begun && tie.winner === index;
  const loses = begun && tie.winner !== null && !wins;
  return {
    index,
    label: displayText(option?.label, 80),
    known,
    share,
    votes: known ? option.votes : null,
    // What is read at this very instant; the bars are at `share * raced`.
    raced,
    percent: known ? percent(share * raced) : null,
    sign: percentSign(lang),
    count: known ? short(option.votes * raced, lang) : "",
    strength: top > 0 ? 0.3 + 0.7 * (share / top) : 0.3,
    leads,
    tied: tie.stands && tie.options.includes(index) && (motions.race === null || begun),
    wins,
    loses,
    dim: loses ? Math.min(1, Math.max(0, motions.reveal === null ? 1 : (now - motions.reveal.start) / DIM_MS)) : 0,
    grow: wins ? revealing : 0,
  };
}

/** The sealed jar: fuller with every vote, never full; it fades when the bars set off. */
function jarOf(board, phase, motions, now, lang, say) {
  if (board.secret !== true) return null;
  if (phase === "revealed") {
    const gone = motions.race === null ? 1 : progress({ start: motions.race.start, duration: DIM_MS }, now);
    if (gone >= 1) return null;
    return { count: short(board.total_votes, lang), level: jarLevel(board.total_votes), caption: say.sealed, gone };
  }
  return { count: short(board.total_votes, lang), level: jarLevel(board.total_votes), caption: say.sealed, gone: 0 };
}

function jarLevel(votes) {
  return votes > 0 ? Math.min(0.94, 0.1 + 0.84 * (Math.log10(1 + votes) / 4)) : 0.04;
}

function footersOf(board, phase, tie, lang, empty) {
  const say = words(lang);
  const lines = [];
  if (WEIGHTINGS.includes(board.weighting)) {
    lines.push(fill(say.weights[board.weighting], { p: `${board.cap_percent}${percentSign(lang)}` }));
  }
  if (board.rule === "every_message" && phase === "open") lines.push(say.everyMessage);
  if (tie.rule === "random" && !empty) {
    if (tie.decided && tie.seed !== null) lines.push(fill(say.seed, { hash: tie.seed }));
    else if (tie.commitment !== null && phase !== "revealed") lines.push(fill(say.commitment, { hash: tie.commitment }));
  }
  if (phase === "revealed" && tie.stands) lines.push(totals(board, tie, lang).slice(0, 2).join(" · "));
  return lines;
}

function nextChange(view, times, now) {
  const due = [];
  const { motions } = view;
  if (view.ring?.seconds > 0) due.push(times.ends - (view.ring.seconds - 1) * 1000);
  if (view.ring?.text.endsWith("m")) {
    // Minutes are shown: nothing to see until the next one, or until seconds are (ten minutes).
    due.pop();
    due.push(times.ends - Math.max(599, (Math.ceil(view.ring.seconds / 60) - 1) * 60) * 1000);
  }
  if (times.phase === "open" && times.ends !== null) due.push(times.ends);
  if (motions.race !== null) due.push(motions.race.start + DIM_MS, motions.race.start + RACE_MS);
  if (motions.reveal !== null) due.push(motions.reveal.start);
  if (motions.confetti !== null) due.push(motions.confetti.start, motions.confetti.start + CONFETTI_MS);
  if (motions.exit !== null) due.push(motions.exit.start, motions.exit.start + EXIT_MS);
  const later = due.filter((at) => at > now);
  return later.length > 0 ? Math.min(...later) : null;
}
