// Dice drawn by our own code: silhouettes in a box of 100, with facets for light, and the marks that tell
// dropped, rerolled, exploded and extra dice apart without any colour.

import { svg } from "./shapes.js";

/** Points of a regular polygon around (50, 50); `turn` in degrees from the top. */
function ring(corners, radius, turn = 0) {
  return Array.from({ length: corners }, (_, i) => {
    const angle = ((turn + (360 * i) / corners - 90) * Math.PI) / 180;
    return [50 + radius * Math.cos(angle), 50 + radius * Math.sin(angle)];
  });
}

function closed(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
}

function star(points, outer, inner) {
  return closed(ring(points * 2, 1).map(([x, y], i) => {
    const radius = i % 2 === 0 ? outer : inner;
    return [50 + (x - 50) * radius, 50 + (y - 50) * radius];
  }));
}

const HEX = ring(6, 48);
const FACE20 = [[50, 19], [79, 69], [21, 69]];
const DEC = ring(10, 48);
const FACE12 = ring(5, 30);
const OCT = ring(8, 48, 22.5);

/**
 * Per kind: `body` (outline), `light` and `dark` facets, `face` (where the number stands: y, and font size for
 * one, two and three signs, all in hundredths of the die).
 */
const KINDS = {
  4: {
    body: "M50 7L95 87H5Z",
    light: ["M50 7L50 60L5 87Z"],
    dark: ["M5 87L50 60L95 87Z"],
    y: 63,
    sizes: [44, 36, 26],
  },
  6: {
    body: "M17 6H83A11 11 0 0 1 94 17V83A11 11 0 0 1 83 94H17A11 11 0 0 1 6 83V17A11 11 0 0 1 17 6Z",
    light: ["M17 6H83A11 11 0 0 1 94 17L84 20Q82 16 78 16H22Q18 16 16 20L6 17A11 11 0 0 1 17 6Z"],
    dark: ["M6 83L16 80Q18 84 22 84H78Q82 84 84 80L94 83A11 11 0 0 1 83 94H17A11 11 0 0 1 6 83Z"],
    y: 50,
    sizes: [64, 52, 36],
  },
  8: {
    body: "M50 2L94 50L50 98L6 50Z",
    light: ["M50 2L16 62L6 50Z", "M50 2L84 62L94 50Z"],
    dark: ["M16 62H84L50 98Z"],
    y: 45,
    sizes: [50, 42, 30],
  },
  10: {
    body: "M50 2L97 52L50 98L3 52Z",
    light: ["M50 2L22 58L3 52Z", "M50 2L78 58L97 52Z"],
    dark: ["M3 52L22 58L50 74V98Z", "M97 52L78 58L50 74V98Z"],
    y: 47,
    sizes: [50, 42, 30],
  },
  12: {
    body: closed(DEC),
    light: [closed([DEC[0], DEC[1], FACE12[1], FACE12[0]]), closed([DEC[9], DEC[0], FACE12[0], FACE12[4], DEC[8]])],
    dark: [closed([DEC[4], DEC[5], DEC[6], FACE12[3], FACE12[2]]), closed([DEC[6], DEC[7], DEC[8], FACE12[4], FACE12[3]])],
    y: 51,
    sizes: [52, 44, 30],
  },
  20: {
    body: closed(HEX),
    light: [closed([HEX[0], FACE20[0], FACE20[2], HEX[5]]), closed([HEX[0], HEX[1], FACE20[1], FACE20[0]])],
    dark: [closed([HEX[2], HEX[3], FACE20[1]]), closed([HEX[3], HEX[4], FACE20[2]]), closed([FACE20[1], FACE20[2], HEX[3]])],
    y: 52,
    sizes: [54, 46, 32],
  },
  coin: {
    body: "M50 3A47 47 0 1 1 49.9 3Z",
    light: ["M50 3A47 47 0 0 1 97 50H86A36 36 0 0 0 50 14A36 36 0 0 0 14 50H3A47 47 0 0 1 50 3Z"],
    dark: ["M3 50H14A36 36 0 0 0 50 86A36 36 0 0 0 86 50H97A47 47 0 0 1 3 50Z"],
    y: 51,
    sizes: [60, 50, 36],
  },
  other: {
    body: closed(OCT),
    light: [closed([OCT[6], OCT[7], OCT[0], [66, 22], [34, 22]])],
    dark: [closed([OCT[2], OCT[3], OCT[4], [34, 80], [66, 80]])],
    y: 51,
    sizes: [56, 46, 32],
  },
};
KINDS.tens = KINDS[10];
KINDS.F = { ...KINDS[6] };
KINDS.custom = { ...KINDS.other, sizes: [46, 34, 26] };

/** The kind of drawing for a number of sides. */
export function dieKind(sides) {
  if (sides === "F" || sides === "custom" || sides === "tens") return sides;
  if (sides === 100) return 10;
  if (sides === 2 || sides === 1) return "coin";
  return Object.hasOwn(KINDS, sides) ? sides : "other";
}

/** Where a number of `length` signs stands on a die of a kind: `{y, size}` in parts of the die's height. */
export function faceOf(kind, length) {
  const { y, sizes } = KINDS[kind];
  return { y: y / 100, size: sizes[Math.min(length, 3) - 1] / 100 };
}

/** The silhouette of one die: an exploded one has spikes behind it. */
export function dieBody(kind, exploded = false) {
  const { body, light, dark } = KINDS[kind];
  const root = svg("svg", { class: "hb-die-drawing", viewBox: "0 0 100 100" });
  if (exploded) root.append(svg("path", { d: star(12, 68, 51), class: "hb-die-spikes" }));
  root.append(
    svg("path", { d: body, class: "hb-die-body" }),
    ...light.map((d) => svg("path", { d, class: "hb-die-light" })),
    ...dark.map((d) => svg("path", { d, class: "hb-die-dark" })),
    svg("path", { d: body, class: "hb-die-edge" }),
  );
  return root;
}

const SIGNS = {
  // A bar from corner to corner: this one does not count.
  dropped: ["M8 92L92 8"],
  // An arrow that comes back: rolled again.
  rerolled: ["M88 12A14 14 0 1 0 92 24", "M92 4V15H81"],
  // A plus: another die brought it.
  extra: ["M14 2V26", "M2 14H26"],
  success: ["M62 79L73 90L95 66"],
  failure: ["M66 66L94 94", "M94 66L66 94"],
  minus: ["M2 50H28"],
};

const DISCS = {
  rerolled: "M78 -5A27 27 0 1 1 77.9 -5Z",
  extra: "M14 -8A22 22 0 1 1 13.9 -8Z",
  success: "M79 58A20 20 0 1 1 78.9 58Z",
  failure: "M80 60A20 20 0 1 1 79.9 60Z",
};

/** A mark over a die: `dropped`, `rerolled`, `extra`, `success`, `failure` or `minus`. */
export function dieMark(name) {
  const root = svg("svg", { class: `hb-die-mark hb-die-${name}`, viewBox: "0 0 100 100" });
  if (Object.hasOwn(DISCS, name)) root.append(svg("path", { d: DISCS[name], class: "hb-die-mark-ground" }));
  for (const d of SIGNS[name]) {
    root.append(svg("path", { d, class: "hb-die-mark-shade" }), svg("path", { d, class: "hb-die-mark-line" }));
  }
  return root;
}

/** The sign of a Fate die: `+`, `−`, or nothing on a blank one. */
export function fateSign(value) {
  const root = svg("svg", { class: "hb-fate", viewBox: "0 0 100 100" });
  if (value !== 0) root.append(svg("path", { d: "M26 50H74", class: "hb-fate-line" }));
  if (value > 0) root.append(svg("path", { d: "M50 26V74", class: "hb-fate-line" }));
  return root;
}

/** A blob of wax that ran out unevenly. */
const WAX = (() => {
  const reach = [47, 44, 48, 45, 46.5, 43, 48, 46, 44, 48.5, 45, 47];
  const points = ring(12, 1).map(([x, y], i) => [50 + (x - 50) * reach[i], 50 + (y - 50) * reach[i]]);
  const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];
  const start = middle(points[11], points[0]);
  const arcs = points.map((point, i) => {
    const [x, y] = middle(point, points[(i + 1) % 12]);
    return `Q${point.map((v) => v.toFixed(1)).join(" ")} ${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${start.map((v) => v.toFixed(1)).join(" ")}${arcs.join("")}Z`;
})();

/** The jagged line along which a seal breaks, in the box of the wax. */
const BREAK = [[54, -2], [46, 18], [57, 34], [44, 52], [56, 68], [47, 84], [52, 102]];

/** A wax seal with a die pressed into it; `half` is "left" or "right" for a piece of a broken one. */
export function waxSeal(id, half = null) {
  const root = svg("svg", { class: "hb-wax", viewBox: "0 0 100 100" });
  const wax = svg(
    "g",
    {},
    svg("path", { d: WAX, class: "hb-wax-body" }),
    svg("circle", { cx: 50, cy: 50, r: 35, class: "hb-wax-ring" }),
    svg("path", { d: closed(ring(6, 27)), class: "hb-wax-press" }),
    svg("path", { d: `M50 34L66 61H34Z${closed(ring(6, 27))}M50 23V34M66 61L73.4 63.5M34 61L26.6 63.5`, class: "hb-wax-line" }),
    svg("path", { d: "M17 41A35 35 0 0 1 41 17", class: "hb-wax-shine" }),
  );
  root.append(wax);
  if (half !== null) {
    const side = half === "left" ? [[-5, 102], [-5, -2]] : [[105, 102], [105, -2]];
    root.prepend(svg("clipPath", { id }, svg("path", { d: closed([...BREAK, ...side]) })));
    wax.setAttribute("clip-path", `url(#${id})`);
    root.append(svg("path", { d: `M${BREAK.map((point) => point.join(" ")).join("L")}`, class: "hb-wax-break" }));
  }
  return root;
}

/** A dice cup, mouth down: somebody looks under it, and not you. */
export function diceCup() {
  return svg(
    "svg",
    { class: "hb-cup", viewBox: "0 0 100 100" },
    svg("path", { d: "M28 10H72L84 84Q85 90 79 90H21Q15 90 16 84Z", class: "hb-cup-body" }),
    svg("path", { d: "M28 10H50V90H21Q15 90 16 84Z", class: "hb-cup-light" }),
    svg("path", { d: "M19.500 68H80.500L82 79H18Z", class: "hb-cup-band" }),
    svg("path", { d: "M26.800 18H73.200L74.600 26H25.400Z", class: "hb-cup-band" }),
  );
}

/** The crack of a failure over a card of 420 × 220: one line, more for the worse. */
const CRACKS = [
  "M300 -4L286 34L318 62L292 104L330 138L306 176L322 224",
  "M292 104L236 122L214 158L176 168",
  "M318 62L364 74L388 108L424 116",
  "M286 34L232 22L196 44L160 36",
];

/** The crack of a failure; `severity` says how far it goes. */
export function crack(severity) {
  const lines = CRACKS.slice(0, { minor: 1, major: 2 }[severity] ?? 4);
  return svg(
    "svg",
    { class: "hb-crack-drawing", viewBox: "0 0 420 220", preserveAspectRatio: "none" },
    ...lines.map((d) => svg("path", { d, class: "hb-crack-gap" })),
    ...lines.map((d) => svg("path", { d, class: "hb-crack-light" })),
  );
}

const PIPS = { minor: 1, major: 2, extreme: 3 };

/** One, two or three marks for how much a critical is: diamonds, or broken ones for a failure. */
export function pips(severity, failure) {
  const count = PIPS[severity] ?? 2;
  const one = failure ? "M10 0L20 10L13 17L9 11L12 7L7 3ZM5 5L7 12L4 13L10 20L0 10Z" : "M10 0L20 10L10 20L0 10Z";
  const marks = Array.from({ length: count }, (_, i) =>
    svg("path", { d: one, transform: `translate(0 ${i * 23})`, class: "hb-pip" }));
  const height = count * 23 - 3;
  return svg("svg", { class: "hb-pips", viewBox: `0 0 20 ${height}`, width: 20, height }, ...marks);
}

/** Rays behind the card of an extreme success. */
export function rays() {
  return svg("svg", { class: "hb-rays", viewBox: "0 0 100 100", preserveAspectRatio: "none" },
    svg("path", { d: star(18, 64, 42), class: "hb-rays-shape" }));
}

/** ✓ or ✕, for what the tabletop says of a roll. */
export function tick(good) {
  const d = good ? "M4 13L10 19L22 5" : "M5 5L21 21M21 5L5 21";
  return svg("svg", { class: "hb-tick", viewBox: "0 0 26 26", width: 26, height: 26 },
    svg("path", { d, class: "hb-tick-line" }));
}

/** Three cards on a heap: rolls that found no place. */
export function heap() {
  return svg("svg", { class: "hb-heap", viewBox: "0 0 32 28", width: 32, height: 28 },
    svg("path", { d: "M3 10L16 3L29 10L16 17Z", class: "hb-heap-top" }),
    svg("path", { d: "M3 15.500L16 22.500L29 15.500M3 21L16 28L29 21", class: "hb-heap-line" }));
}
