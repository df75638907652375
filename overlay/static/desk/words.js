// Every word the desk says about states, rules and failures. One place, so that they agree with each other.

import { Problem, Unanswered } from "./problem.js";
import { ago, clock, count, lag, left, many, serverNow, toMs } from "./time.js";

export const PLATFORM = { twitch: "Twitch", kick: "Kick", custom: "Custom" };

/** What a script's channel is on: `[label, help]`. */
export const SCRIPTED = {
  twitch: ["Twitch", "A viewer still has one vote in all Twitch channels of the show together."],
  kick: ["Kick", "Kick's lines come late: polls wait 15 s for votes by themselves. Viewers see Kick's sign."],
  custom: ["Other", "Another platform, a Discord bot, a button box."],
};

export const RULES = {
  one_vote: "One vote per viewer",
  every_message: "Every message counts",
};

export const TIES = {
  gm: ["I decide", "You choose the winner by its number, live."],
  first: ["First to get there", "The option that reached the count first wins."],
  random: ["Draw lots", "A draw that anybody can check afterwards: its seal is shown from the start."],
  none: ["No winner", "The tie stays a tie."],
};

export const WORDS = {
  off: ["Numbers only", "“2” or “!2” counts, “left” does not."],
  exact: ["Numbers or the exact words", "“2” or “Left” counts."],
  any_case: ["Numbers or words in any case", "“2”, “Left” or “LEFT” counts."],
};

export const WEIGHTINGS = {
  sum: ["Every vote is equal", "All chats are added up. A big channel decides more."],
  channel: ["Every channel is equal", "Each channel's chat is one voice, whatever its size."],
  capped: ["Big channels are capped", "Added up, but no channel makes more than the cap."],
  per_head: ["By share of viewers", "A vote weighs more where few are in chat."],
};

export const NATIVES = {
  off: ["No", "Viewers vote in chat."],
  beside: ["Beside ours", "Twitch shows a poll of its own on every Twitch channel. Only votes in chat count."],
  points: ["With channel points", "Votes in Twitch's poll that are paid with channel points count as well, on their own line. "
    + "Free votes there do not: the same viewers vote in chat."],
};

/** Whose votes a line of a count is: a chat's, or those paid with channel points. */
export function seatWords(channel) {
  return channel.counts === "points" ? `${channel.login} · channel points` : channel.login;
}

export const TIE_RULE = { gm: "you decide", first: "first to get there", random: "lots are drawn", none: "no winner" };

export const STATE = {
  draft: "draft", open: "open", closing: "counting", closed: "closed, not revealed", revealed: "revealed",
  cancelled: "cancelled",
};

/** The state of the show as a headline: `{tone, title, clock}`; `clock` is the time left in words or "". */
export function headline(show, now) {
  if (!show) return { tone: "idle", title: "Nothing on stage", clock: "" };
  const clock = show.endsAt === null ? "" : left(show.endsAt - now);
  if (show.phase === "open") return { tone: "open", title: "Chat is voting", clock };
  if (show.phase === "closing") return { tone: "closing", title: "Counting last votes", clock };
  if (show.phase === "closed") {
    const title = show.tiePending && show.tied.length ? "Votes are in: a tie" : "Votes are in";
    return { tone: "closed", title, clock };
  }
  if (show.tiePending) return { tone: "tie", title: "Tie: you decide", clock: "" };
  return { tone: "revealed", title: result(show), clock };
}

/** The result in a sentence. Works for a show and for a poll of the history. */
export function result(poll) {
  const winner = poll.options.find((option) => option.index === poll.winner);
  const total = poll.total ?? poll.total_votes ?? 0;
  if (winner) return `“${winner.label}” wins`;
  if (total === 0) return "No votes came in";
  if (poll.tie_pending ?? poll.tiePending) return "A tie, not decided yet";
  return "No winner: it stays a tie";
}

/** How a past poll came out, in a line. */
export function outcome(poll) {
  if (poll.state === "cancelled") return "cancelled";
  if (poll.state !== "closed") return result(poll);
  return poll.tie_pending ? "closed: a tie, not decided and not revealed" : STATE.closed;
}

/** What a reveal does to a poll that is off stage; `show` is what is on it. */
export function revealWords(show) {
  if (show?.phase === "open" || show?.phase === "closing") {
    return "Another poll runs: viewers do not see this result, it stands here only.";
  }
  return show ? "Viewers see the result in place of what is on stage." : "Viewers see the result on stream.";
}

/** The question that a tie of a past poll puts. */
export function tieWords(poll) {
  return `A tie between ${poll.tied.join(" and ")}: who wins?`;
}

/** "412 votes sealed", "25 votes". */
export function totalWords(show, isSealed) {
  return isSealed ? `${count(show.total)} ${show.total === 1 ? "vote" : "votes"} sealed` : many(show.total, "vote");
}

const CHANNEL = {
  connected: ["good", "connected"],
  connecting: ["wait", "connecting…"],
  waiting: ["wait", "waiting for a connector"],
  failing: ["bad", "not connected"],
};

/** Lamp and words of a channel: `{tone, word, facts: [..], help}`. */
export function channelWords(channel) {
  const [tone, word] = CHANNEL[channel.status] ?? ["wait", channel.status || "unknown"];
  const facts = [];
  const heard = channel.heard_at ? ago(Date.parse(channel.heard_at)) : null;
  facts.push(heard ? `heard ${heard}` : "not heard yet");
  if (channel.lag_ms !== null && channel.lag_ms !== undefined && heard) facts.push(`${lag(channel.lag_ms)} behind`);
  if (channel.votes_per_s) facts.push(`${count(Math.round(channel.votes_per_s * 10) / 10)} votes/s`);
  if (channel.source === "simulated") return { tone, word: "simulated crowd", facts, help: channel.status_detail };
  if (channel.source === "api" && channel.status !== "failing") {
    const help = channel.status_detail || `It sends platform “${channel.platform}” and channel_id “${channel.channel_id}”.`;
    return { tone: heard ? "good" : "wait", word: heard ? "fed by your script" : "waiting for your script", facts, help };
  }
  // What Kick brings has no connector that could be missing.
  if (channel.source === "webhook" && channel.status === "waiting") {
    return { tone, word: "waiting for Kick", facts, help: channel.status_detail };
  }
  return { tone, word, facts, help: channel.status_detail };
}

/** Words of one browser source: "OBS 31.0, 1920×1080, seen 2 s ago". */
export function sourceWords(source) {
  const parts = [source.obs ? `OBS ${source.obs}` : source.name || "a browser"];
  if (source.width && source.height) parts.push(`${source.width}×${source.height}`);
  parts.push(`seen ${ago(Date.parse(source.seen_at))}`);
  return parts.join(", ");
}

const SLOW_PROBE_MS = 1500; // reliability: what an outage of Redis may cost
const GRACE_MS = 10000; // a chat that is reconnected sooner is nobody's business

/** What is degraded, as `[{key, tone, text}]`: nothing when all is well. `isDatabaseAway`: the status said 503. */
export function troubles(status, isDatabaseAway) {
  if (isDatabaseAway) {
    return [{ key: "database", tone: "bad",
      text: "Database away: votes are kept for 10 s, then counted as lost. Overlays keep their last picture." }];
  }
  if (!status) return [];
  const found = [];
  const say = (key, tone, text) => found.push({ key, tone, text });
  if (status.redis === "away") say("redis", "warn", "Redis away: overlays update once a second");
  for (const away of chatsAway(status.channels ?? [])) say(`chat:${away.platform}`, "bad", away.text);
  const corrected = status.corrected_last_minute ?? 0;
  if (corrected) {
    say("corrected", "warn", corrected === 1 ? "1 overlay showed something else than the server: it was corrected"
      : `${count(corrected)} overlays showed something else than the server: they were corrected`);
  }
  const dropped = status.dropped_last_minute ?? 0;
  if (dropped) {
    say("dropped", "bad", `${many(dropped, "chat line was", "chat lines were")} dropped in the last minute: `
      + "votes among them are lost");
  }
  const probe = status.probe ?? { state: "off" };
  if (probe.state === "failing") {
    say("probe", "warn", `Probe: no vote has reached an overlay for ${count(probe.failing_s)}\u00a0s`);
  } else if (probe.state === "ok" && probe.lag_ms > SLOW_PROBE_MS) {
    say("probe", "warn", `Probe: ${lag(probe.lag_ms)} from vote to overlay`);
  }
  return found;
}

/** Chats that were connected and are not, by platform: "Twitch chat away since 20:14". */
function chatsAway(channels) {
  const lost = (channel) => {
    const since = toMs(channel.status_since);
    const heals = channel.status === "connecting" || (channel.status === "waiting" && channel.source === "irc");
    // One that never worked is told beside its name, with what to do.
    return since !== null && serverNow() - since > GRACE_MS && (heals || (channel.status === "failing" && channel.heard_at));
  };
  return Object.keys(PLATFORM).flatMap((platform) => {
    const chats = channels.filter((channel) => channel.platform === platform && channel.source !== "simulated");
    const away = chats.filter(lost);
    if (!away.length) return [];
    const since = clock(Math.min(...away.map((channel) => toMs(channel.status_since))));
    const what = away.length === chats.length ? `${PLATFORM[platform]} chat`
      : `${away.length} of ${chats.length} ${PLATFORM[platform]} chats`;
    return [{ platform, text: `${what} away since ${since}` }];
  });
}

/** While an earlier try of the same press is found to be still being done. */
export const STILL = {
  title: "Still being done",
  text: "The server has it and works on it. The desk waits for the answer, up to half a minute: no need to press again.",
};

const MAYBE = "It may or may not have happened: look before you press again.";

/**
 * A failure for people: what happened, whether anything was lost, what to do next.
 * `doing` is the intent as a verb phrase: "launch the poll".
 */
export function failure(error, doing) {
  if (error instanceof Unanswered) {
    return {
      title: `Could not ${doing}: the server did not answer`,
      text: error.unsure ? `It was tried four times. ${MAYBE}` : "Nothing is lost by that.",
    };
  }
  if (error instanceof Problem) {
    const fields = error.errors.map((item) => item.message).filter(Boolean).join(" ");
    const detail = [error.detail || error.title, fields].filter(Boolean).join(" ") || `Answer ${error.status}.`;
    if (error.status === 401) return { title: "You are signed out", text: "Run `hubbub link` for a new link." };
    if (error.stillRunning) return { title: `No answer yet: ${doing}`, text: `The server is still at it. ${MAYBE}` };
    if (error.unsure) return { title: `Could not ${doing}`, text: `${detail} But an earlier try got no answer. ${MAYBE}` };
    if (error.status === 429) {
      return { title: `Could not ${doing}: too many clicks`, text: `${detail} Nothing was changed. Wait a moment.` };
    }
    if (error.status >= 500) {
      return { title: `Could not ${doing}`, text: `${detail} Votes already counted are safe. Try again.` };
    }
    return { title: `Could not ${doing}`, text: `${detail} Nothing was changed.` };
  }
  return { title: `Could not ${doing}`, text: `${error.message} Reload the desk if it happens again.` };
}
