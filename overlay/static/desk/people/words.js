// Every word the desk says about who takes part.

import { PLATFORM } from "../words.js";
import { ago, clock } from "../time.js";

/** role → [name, what it may do]. */
export const ROLES = {
  owner: ["Owner", "Everything, and gives roles."],
  game_master: ["Game master", "Makes the show: channels, overlays, tables, polls, members."],
  moderator: ["Moderator", "Writes, launches and decides polls, settles rolls, reminds streamers."],
  streamer: ["Streamer", "Brings a channel, and says what Hubbub may do on it."],
  read_only: ["Spectator", "Looks on."],
};

export const CAPABILITY = { polls: "Polls", rewards: "Rewards", chat: "Chat messages", scene: "Scenes" };

/** A moment within some days: "20:14", or "Sat 20:14" when it is not today. */
export function moment(text) {
  const at = new Date(Date.parse(text));
  const words = clock(at.getTime());
  return at.toDateString() === new Date().toDateString() ? words
    : `${at.toLocaleDateString("en", { weekday: "short" })} ${words}`;
}

/** How a member stands: `{tone, word}`. `ready` is their entry of the readiness list, if they stream. */
export function standing(member, ready) {
  if (member.status === "pending") {
    return { tone: "wait", word: `invited ${ago(Date.parse(member.invited_at))}, has not accepted yet` };
  }
  if (!ready) return { tone: "off", word: "brings no channel" };
  const until = Object.values(ready.good_until).sort()[0];
  const agreed = Object.keys(ready.good_until).map((name) => (CAPABILITY[name] ?? name).toLowerCase()).join(", ");
  const words = [ready.ready ? "ready" : "not ready"];
  if (until) words.push(`agreed to ${agreed} until ${moment(until)}`);
  if (member.reminded_at) words.push(`reminded ${ago(Date.parse(member.reminded_at))}`);
  return { tone: !ready.ready ? "bad" : ready.issues.length ? "warn" : "good", word: words.join(" · ") };
}

/** "ana_plays on Twitch" for those who were invited by a name. */
export function invitedAs({ platform, login, name }) {
  if (!platform || !login) return "";
  return login.toLowerCase() === name.toLowerCase() ? `on ${PLATFORM[platform] ?? platform}` : `${login} on ${PLATFORM[platform] ?? platform}`;
}
