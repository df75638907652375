// Server time in the browser, and the words for durations and ages.

import { percent as wholePercent } from "../overlay/format.js";

let offset = 0; // server clock − this clock, ms

export function setOffset(ms) {
  if (Number.isFinite(ms)) offset = ms;
}

export function serverNow() {
  return Date.now() + offset;
}

/** RFC 3339 → ms since the epoch, or null. */
export function toMs(text) {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

const NB = "\u00a0"; // keeps a number and its unit on one line

/** Time left for a big clock: "42 s", "1:05 min", "1:02:05 h". */
export function left(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s < 60) return `${s}${NB}s`;
  const two = (n) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}${NB}min`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}${NB}h`;
}

/** A length in words: "30 s", "1 min", "1 min 30 s", "1 h". */
export function lengthWords(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return `${s}${NB}s`;
  const parts = [];
  if (s >= 3600) parts.push(`${Math.floor(s / 3600)}${NB}h`);
  const minutes = Math.floor((s % 3600) / 60);
  if (minutes) parts.push(`${minutes}${NB}min`);
  if (s % 60) parts.push(`${s % 60}${NB}s`);
  return parts.join(" ");
}

/** "just now", "4 s ago", "3 min ago", "2 h ago", "5 days ago"; "never" for null. */
export function ago(ms) {
  if (ms === null || ms === undefined) return "never";
  const s = Math.max(0, Math.round((serverNow() - ms) / 1000));
  if (s < 2) return "just now";
  if (s < 100) return `${s}${NB}s${NB}ago`;
  if (s < 5400) return `${Math.round(s / 60)}${NB}min${NB}ago`;
  if (s < 129600) return `${Math.round(s / 3600)}${NB}h${NB}ago`;
  return `${Math.round(s / 86400)}${NB}days${NB}ago`;
}

/** Time of day for lists: "20:04", with the date when it was not today. */
export function clock(ms) {
  if (ms === null) return "";
  const when = new Date(ms);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const today = new Date().toDateString() === when.toDateString();
  return today ? time : `${when.toLocaleDateString([], { month: "short", day: "numeric" })}, ${time}`;
}

/** Lag in words: "120 ms", "4.2 s"; null stays null. */
export function lag(ms) {
  if (ms === null || ms === undefined) return null;
  return ms < 1000 ? `${Math.round(ms)}${NB}ms` : `${(ms / 1000).toFixed(1)}${NB}s`;
}

const counts = new Intl.NumberFormat("en", { useGrouping: true });

/** 1812 → "1 812" with a thin space, as the overlay writes it. */
export function count(n) {
  return counts.format(n).replaceAll(",", " ");
}

/** "1 vote", "12 votes". */
export function many(n, one, more = `${one}s`) {
  return `${count(n)}${NB}${n === 1 ? one : more}`;
}

/** share 0..1 → "48 %"; a part that is there but rounds to nothing says "<1 %". */
export function percent(share) {
  const p = share * 100;
  if (p > 0 && p < 1) return `<1${NB}%`;
  if (p > 99 && p < 100) return `>99${NB}%`;
  return `${wholePercent(share)}${NB}%`;
}
