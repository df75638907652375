// The party bar at an instant: a pure function of the board (contract §7) and the server's time.

import { compact } from "./format.js";
import { displayText } from "./text.js";
import { language, words } from "./words.js";

const MOST = 6;
/** Signs that fit beside a name; the rest is counted. */
const SIGNS = 2;
/** A condition that came or went is named for so long. */
const NEWS_MS = 3500;
export const NEWS_ENTER_MS = 240;
const HEALTH = ["unhurt", "hurt", "bloodied", "down"];
/** How many of three lamps are lit where no number may be shown. */
const LAMPS = { unhurt: 3, hurt: 2, bloodied: 1, down: 0 };

function instant(text) {
  const parsed = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

function texts(list, most) {
  return Array.isArray(list) ? list.slice(0, most).map((text) => displayText(text, 18)).filter(Boolean) : [];
}

/** What the party bar asks of the director: a tick when a condition changes. */
export function partyClaims(board) {
  const members = Array.isArray(board?.members) ? board.members : [];
  return members.flatMap((member) => {
    const at = instant(member?.news?.at);
    return at === null ? [] : [{ urgency: "tick", start: at, end: at + NEWS_ENTER_MS }];
  });
}

/** The view of `board` at server time `now`: up to six members, and when the next piece of news is old. */
export function partyView(board, now, settings = {}) {
  const lang = language(settings.lang);
  const members = Array.isArray(board.members) ? board.members.slice(0, MOST) : [];
  const views = members.map((member) => memberOf(member ?? {}, now, lang));
  const due = views.flatMap(({ news }) => (news === null ? [] : [news.motion.start + NEWS_MS]));
  return {
    members: views,
    more: Number.isInteger(board.more) && board.more > 0 ? `+${board.more}` : "",
    visible: views.length > 0,
    nextChange: due.length > 0 ? Math.min(...due) : null,
  };
}

function memberOf(member, now, lang) {
  const health = HEALTH.includes(member.health) ? member.health : "unknown";
  const conditions = texts(member.conditions, 12);
  return {
    id: String(member.id),
    name: displayText(member.name, 18),
    player: displayText(member.player, 18),
    health,
    word: words(lang).health[health] ?? "",
    points: pointsOf(member.hit_points, lang),
    lamps: LAMPS[health] ?? null,
    signs: conditions.slice(0, conditions.length > SIGNS ? SIGNS - 1 : SIGNS),
    rest: conditions.length > SIGNS ? `+${conditions.length - SIGNS + 1}` : "",
    news: newsOf(member.news, now),
  };
}

/** `23/31`, the part of the bar that is full, and the part that temporary points add. */
function pointsOf(points, lang) {
  if (!Number.isFinite(points?.current) || !Number.isFinite(points?.maximum) || points.maximum <= 0) return null;
  const share = Math.min(1, Math.max(0, points.current / points.maximum));
  const temporary = Number.isFinite(points.temporary) && points.temporary > 0 ? points.temporary : 0;
  return {
    current: compact(points.current, lang),
    maximum: compact(points.maximum, lang),
    temporary: temporary > 0 ? `+${compact(temporary, lang)}` : "",
    share,
    shield: Math.min(1, temporary / points.maximum),
  };
}

/** "+ Poisoned", while it is new. */
function newsOf(news, now) {
  const at = instant(news?.at);
  if (at === null || now < at || now >= at + NEWS_MS) return null;
  const [came, went] = [texts(news.came, 2), texts(news.went, 2)];
  const parts = [...came.map((name) => `+ ${name}`), ...went.map((name) => `\u2212 ${name}`)];
  if (parts.length === 0) return null;
  return {
    text: parts[0] + (parts.length > 1 ? ` ${parts.length > 2 ? "…" : parts[1]}` : ""),
    good: came.length === 0,
    motion: { start: at, duration: NEWS_ENTER_MS },
  };
}
