// Text from viewers and game masters, made fit for the screen. It is only ever put in by textContent;
// this file takes away what could still break a picture: direction overrides, towers of marks, controls.

// Control characters, except the white space that is folded below.
const CONTROLS = /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]/g;
// Bidi controls (UAX #9): marks, embeddings, overrides, isolates. Isolation is the element's business.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// What is drawn as nothing, or as a wide nothing: zero width characters, fillers, invisible operators,
// interlinear notes, tag characters, private variation selectors. ZWJ and ZWNJ stay: emoji and Persian need them.
const INVISIBLE = /[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;
const SPACES = /[\s\u0085\u2028\u2029]+/gu;
// A third mark on one letter, and all that follow it ("zalgo").
const TOWERS = /(\p{M}{2})\p{M}+/gu;
const BROAD = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]|\p{Extended_Pictographic}/u;
const JOINERS = /[\u200c\u200d]{2,}/gu;
const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

let segmenter = null;

/** The user-perceived characters of `text`. */
export function graphemes(text) {
  if (typeof Intl.Segmenter !== "function") return Array.from(text);
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), (part) => part.segment);
}

/** How broad `text` is, in Latin letters: a CJK character or an emoji takes the room of two. */
export function breadth(text) {
  return graphemes(text).reduce((sum, part) => sum + (BROAD.test(part) ? 1.9 : 1), 0);
}

/** `value` as a line for the screen: at most `limit` graphemes, an ellipsis where it was cut. */
export function displayText(value, limit = 120) {
  const raw = typeof value === "string" ? value : String(value ?? "");
  // Nobody's line is longer than this; a megabyte must not be normalised first.
  const clean = raw
    .slice(0, 4000)
    .replace(LONE_SURROGATES, "\ufffd")
    .normalize("NFC")
    .replace(CONTROLS, "")
    .replace(BIDI, "")
    .replace(INVISIBLE, "")
    .replace(TOWERS, "$1")
    .replace(JOINERS, "\u200d")
    .replace(SPACES, " ")
    .trim();
  const parts = graphemes(clean);
  return parts.length <= limit ? clean : parts.slice(0, limit - 1).join("").trimEnd() + "…";
}
