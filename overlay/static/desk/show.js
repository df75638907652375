// The running poll as the desk sees it, from a live board or from an API answer, and what comes next.
// Pure: no page, no network.

import { left, lengthWords, many, toMs } from "./time.js";

const RANK = { open: 1, closing: 2, closed: 3, revealed: 4 };

/** A live board of kind "poll" → the desk's shape. */
export function fromBoard(board) {
  const tie = board.tie ?? {};
  return {
    id: board.poll_id,
    phase: board.phase,
    simulated: Boolean(board.simulated),
    question: board.question,
    options: board.options ?? [],
    total: board.total_votes ?? 0,
    secret: Boolean(board.secret),
    rule: board.rule,
    weighting: board.weighting ?? "sum",
    capPercent: board.cap_percent,
    channels: board.channels ?? [],
    opensAt: toMs(board.opens_at),
    closesAt: toMs(board.closes_at),
    startedAt: toMs(board.phase_started_at),
    endsAt: toMs(board.ends_at),
    leaders: board.leaders ?? [],
    tieRule: tie.rule ?? "gm",
    tied: tie.options ?? [],
    tiePending: Boolean(tie.pending),
    commitment: tie.commitment ?? null,
    seed: tie.seed ?? null,
    winner: board.winner ?? null,
    source: "board",
  };
}

/** A poll from the API → the same shape, or null when it is not on stage (draft, cancelled, hold over). */
export function fromPoll(poll, now) {
  if (!RANK[poll.state]) return null;
  const ends = toMs(poll.ends_at);
  // A revealed poll stays "revealed" for ever in the database; on stage it ends with its hold.
  if (poll.state === "revealed" && !poll.tie_pending && (ends === null || ends <= now)) return null;
  const most = Math.max(0, ...poll.options.map((option) => option.weight ?? 0));
  return {
    id: poll.id,
    phase: poll.state,
    simulated: Boolean(poll.simulated),
    question: poll.question,
    options: poll.options,
    total: poll.total_votes ?? 0,
    secret: Boolean(poll.secret),
    rule: poll.rule,
    weighting: poll.weighting ?? "sum",
    capPercent: poll.cap_percent,
    channels: poll.channels ?? [],
    opensAt: toMs(poll.opens_at),
    closesAt: toMs(poll.closes_at),
    startedAt: toMs(poll.phase_started_at),
    endsAt: ends,
    leaders: most > 0 ? poll.options.filter((o) => o.weight === most).map((o) => o.index) : [],
    tieRule: poll.tie,
    tied: poll.tied ?? [],
    tiePending: Boolean(poll.tie_pending),
    commitment: poll.commitment ?? null,
    seed: poll.seed ?? null,
    winner: poll.winner ?? null,
    source: "poll",
  };
}

/** Is `next` older news about the same poll than what is shown? (A frame can pass an answer on the way.) */
export function isOlder(next, shown) {
  if (!shown || !next || next.id !== shown.id) return false;
  if (RANK[next.phase] < RANK[shown.phase]) return true;
  return next.phase === shown.phase && shown.winner !== null && next.winner === null;
}

/** Are the figures held back from everybody, the desk included? */
export function sealed(show) {
  return show.secret && show.phase !== "revealed";
}

/**
 * The one next thing: `{kind, id, label, detail, icon, busy}`.
 * `kind`: create | write | launch | close | wait | reveal | resolve | next. `id` is the poll it acts on.
 */
export function nextAction(show, drafts, now, campaign = true, channels = []) {
  if (!campaign) return { kind: "create", id: null, label: "Create your first show", detail: "it holds channels, overlays and polls", icon: "plus" };
  if (!show) {
    if (!drafts) return { kind: "wait", id: null, label: "Reading the rundown…", detail: "", icon: "wait" };
    const [draft] = drafts;
    if (!draft) return { kind: "write", id: null, label: "Write a poll", detail: "the rundown is empty", icon: "plus" };
    return {
      kind: "launch", id: draft.id, label: "Launch", quote: draft.question, icon: "play",
      detail: [many(draft.options.length, "option"), lengthWords(draft.duration_s), onlySimulated(channels) && "simulated crowd"]
        .filter(Boolean).join(" · "),
    };
  }
  const remaining = show.endsAt === null ? null : show.endsAt - now;
  if (show.phase === "open") {
    return {
      kind: "close", id: show.id, label: "Close early", icon: "stop",
      detail: remaining === null ? "" : `closes by itself in ${left(remaining)}`,
    };
  }
  if (show.phase === "closing") {
    return {
      kind: "wait", id: show.id, label: "Counting last votes…", icon: "wait",
      detail: remaining === null ? "late lines still count" : `done in ${left(remaining)}, then you can reveal`,
    };
  }
  if (show.phase === "closed") {
    return {
      kind: "reveal", id: show.id, label: "Reveal", icon: "reveal",
      detail: remaining === null ? "viewers wait for the result" : `reveals by itself in ${left(remaining)}`,
    };
  }
  if (show.tiePending) {
    return { kind: "resolve", id: show.id, label: "Tie: you choose", icon: "tie", detail: "press the number of the winner" };
  }
  return {
    kind: "next", id: show.id, label: "Next", icon: "next",
    detail: remaining === null ? "clears the stage" : `clears the stage · leaves by itself in ${left(remaining)}`,
  };
}

/** Has this show nobody but a made-up crowd? Then a launch is a rehearsal: a real poll would stay at zero. */
export function onlySimulated(channels) {
  return Boolean(channels?.length) && channels.every((channel) => channel.source === "simulated");
}

/** May this poll still be cancelled? */
export function cancellable(show) {
  return Boolean(show) && show.phase !== "revealed";
}
