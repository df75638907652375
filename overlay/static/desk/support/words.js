// Every word the desk says about who supports the show.

import { PLATFORM, mayLead } from "../words.js";
import { count, many } from "../time.js";

const UNIT = { resub: "months", gift: "gifts", bits: "bits", kicks: "kicks", raid: "viewers" };

/** In the order in which they are listed. */
export const KINDS = {
  follow: "Follows", subscription: "New subs", resub: "Resubs", gift: "Gifted subs", bits: "Bits", kicks: "Kicks", donation: "Donations",
  raid: "Raids",
};

const DID = {
  follow: "follows", subscription: "subscribes", resub: "subscribes again", gift: "gifts", bits: "cheers", kicks: "sends", donation: "donates",
  raid: "raids with",
};

/** What the least of a kind is counted in; none for those of which there is nothing to count. */
export const LEAST = {
  subscription: ["From tier", "1 to 3"], resub: ["From so many months"], gift: ["From so many gifts"], bits: ["From so many bits"],
  kicks: ["From so many kicks"], donation: ["From an amount of", "in the smallest unit: 500 is 5.00 EUR, or 500 JPY"], raid: ["From so many viewers"],
};

export const SERVICE = { kofi: "Ko-fi", streamelements: "StreamElements", streamlabs: "Streamlabs" };

/** `12.50` and `EUR` as money. */
export function money({ amount, currency }) {
  return `${amount}\u00a0${currency}`;
}

/** How much a kindness is, in words; "" where there is nothing to count. */
function amount(entry) {
  switch (entry.kind) {
    case "donation": return entry.money && money(entry.money);
    case "gift": return many(entry.quantity, "sub");
    case "bits": return many(entry.quantity, "bit");
    case "kicks": return many(entry.quantity, "kick");
    case "raid": return many(entry.quantity, "viewer");
    default: return "";
  }
}

/** A line of the feed: `{did, where}`; who did it stands beside, as a name. */
export function feedWords(entry) {
  const deed = [DID[entry.kind] ?? entry.kind, amount(entry)].filter(Boolean).join(" ");
  const months = entry.kind === "resub" && entry.months ? many(entry.months, "month") : "";
  const did = [deed, months, entry.tier > 1 ? `tier ${entry.tier}` : ""].filter(Boolean).join(", ");
  const where = entry.is_test && entry.platform === "custom" ? "" : SERVICE[entry.platform] ?? PLATFORM[entry.platform] ?? entry.platform;
  return { did, where };
}

/** What is special about a rule: "from 100 bits · 8 s · your own words". */
export function ruleWords({ is_shown: isShown, minimum, lasts_ms: lasts, template, kind }) {
  if (!isShown) return "in the list only";
  const least = kind === "subscription" ? `from tier ${minimum}` : kind === "donation" ? `from ${count(minimum)} of the smallest unit`
    : `from ${count(minimum)} ${UNIT[kind]}`;
  return [minimum && kind in LEAST ? least : "", `${lasts / 1000}\u00a0s`, template && "your own words"].filter(Boolean).join(" · ");
}

/** What the stream has brought so far: "5 follows · 12 gifted subs · 37.50 EUR". */
export function totalsWords({ kinds, money: sums }) {
  const counted = { gift: "quantity", bits: "quantity", kicks: "quantity" };
  const words = kinds.filter(({ kind }) => kind !== "donation")
    .map((one) => `${count(one[counted[one.kind]] ?? one.count)}\u00a0${(KINDS[one.kind] ?? one.kind).toLowerCase()}`);
  return [...words, ...sums.map(money)].join(" · ");
}

/** Whether a role decides about alerts and donation pages; moderators see, try out and take off. */
export function mayRun(campaign) {
  return mayLead(campaign) && campaign?.role !== "moderator";
}
