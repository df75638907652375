// Numbers for the screen. Groups are parted by a narrow no-break space in every language: a comma or a
// point is a decimal sign to half of the audience, a gap is not.

const GAP = "\u202f";
const decimals = new Map();

/** `1812` → `1 812`. */
export function grouped(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, GAP);
}

/** As `grouped`, but from a million on `1.2 M`: a row has room for seven digits. */
export function short(value, lang) {
  if (value < 1e6) return grouped(value);
  const [divisor, sign] = value < 1e9 ? [1e6, "M"] : [1e9, "G"];
  const scaled = value / divisor;
  const digits = scaled < 100 ? 1 : 0;
  const key = `${lang}:${digits}`;
  if (!decimals.has(key)) {
    decimals.set(key, new Intl.NumberFormat(lang, { maximumFractionDigits: digits, useGrouping: false }));
  }
  return decimals.get(key).format(scaled) + GAP + sign;
}

const compacts = new Map();

/** A whole number where there is little room: `52`, `−12`, `1.2K`, `900M`. */
export function compact(value, lang) {
  if (!compacts.has(lang)) {
    compacts.set(lang, new Intl.NumberFormat(lang, { notation: "compact", maximumSignificantDigits: 3 }));
  }
  const size = Math.round(Math.abs(value));
  const text = size < 10_000 ? String(size) : compacts.get(lang).format(size);
  return value < 0 && size > 0 ? `−${text}` : text;
}

/**
 * A share 0..1 as whole percent, 0..100, halves up. Equal shares always read the same, so nothing is rounded
 * up to fill; and 57 of 200 is 29, though 0.285 * 100 is a hair less than 28.5 in binary.
 */
export function percent(share) {
  return Math.round(Math.min(1, Math.max(0, share)) * 100 + 1e-9);
}

/** The sign after a percentage: German, French and Spanish put a gap before it. */
export function percentSign(lang) {
  return lang === "de" || lang === "fr" || lang === "es" ? GAP + "%" : "%";
}

/** Seconds for a ring 56 px wide: `45`, `2:05`, from ten minutes on `12m`. */
export function countdown(seconds) {
  if (seconds < 100) return String(seconds);
  if (seconds < 600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return `${Math.ceil(seconds / 60)}m`;
}
