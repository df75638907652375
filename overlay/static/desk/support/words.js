// Every word the desk says about who supports the show.

import { PLATFORM, mayLead } from "../words.js";
import { count, many } from "../time.js";

/** In the order in which they are listed. */
export const KINDS = {
  follow: "Follows", subscription: "Subscriptions", resub: "Resubs", gift: "Gifted subs", bits: "Bits", kicks: "Kicks", donation: "Donations",
  raid: "Raids",
};

const DID = {
  follow: "follows", subscription: "subscribes", resub: "subscribes again", gift: "gifts subs", bits: "cheers", kicks: "sends kicks",
  donation: "donates", raid: "raids",
};

/** What the least of a kind is counted in; none for those of which there is nothing to count. */
export const LEAST = {
  subscription: ["From tier", "1 to 3"], resub: ["From so many months", "months"], gift: ["From so many gifts", "gifts"], bits: ["From so many bits", "bits"],
  kicks: ["From so many kicks", "kicks"], donation: ["From an amount of", "in the smallest unit: 500 is 5.00 EUR, or 500 JPY"],
  raid: ["From so many viewers", "viewers"],
};

export const SERVICE = { kofi: "Ko-fi", streamelements: "StreamElements", streamlabs: "Streamlabs" };

/** `12.50` and `EUR` as money. */
export function money({ amount, currency }) {
  return `${amount}\u00a0${currency}`;
}

/** How much a kindness is, in words; "" where there is nothing to count. */
function amount(entry) {
  switch (entry.kind) {
    case "donation": return entry.money ? money(entry.money) : "";
    case "gift": return many(entry.quantity, "sub");
    case "bits": return many(entry.quantity, "bit");
    case "kicks": return many(entry.quantity, "kick");
    case "raid": return many(entry.quantity, "viewer");
    case "resub": return entry.months ? many(entry.months, "month") : "";
    default: return "";
  }
}

/** A line of the feed: `{did, where}`; who did it stands beside, as a name. */
export function feedWords(entry) {
  const tier = entry.tier > 1 ? `tier ${entry.tier}` : "";
  const did = [DID[entry.kind] ?? entry.kind, [amount(entry), tier].filter(Boolean).join(", ")].filter(Boolean).join(": ");
  const where = entry.is_test && entry.platform === "custom" ? "" : SERVICE[entry.platform] ?? PLATFORM[entry.platform] ?? entry.platform;
  return { did, where };
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
