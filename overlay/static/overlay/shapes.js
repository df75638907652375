// Every drawing of the overlay, made of SVG elements: badge shapes (so that an option is known without
// its colour), platform marks (our own signs, nobody's logo), the ring, the lock, the crown, the jar.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

function burst(points, outer, inner) {
  const step = Math.PI / points;
  const corners = Array.from({ length: points * 2 }, (_, i) => {
    const radius = i % 2 === 0 ? outer : inner;
    const angle = i * step - Math.PI / 2;
    return `${(24 + radius * Math.cos(angle)).toFixed(2)} ${(24 + radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${corners.join("L")}Z`;
}

// One outline per option, in a box of 48. `dy` moves the number into the middle of the shape's weight.
const BADGES = [
  { name: "circle", d: "M24 2a22 22 0 1 1 0 44a22 22 0 1 1 0-44Z", dy: 0 },
  { name: "square", d: "M5 5H43V43H5Z", dy: 0 },
  { name: "triangle", d: "M24 4L46 44H2Z", dy: 7 },
  { name: "diamond", d: "M24 1L47 24L24 47L1 24Z", dy: 0 },
  { name: "hexagon", d: "M13 4H35L46 24L35 44H13L2 24Z", dy: 0 },
  { name: "shield", d: "M5 4H43V24C43 35 34 42 24 46C14 42 5 35 5 24Z", dy: -1 },
  { name: "burst", d: burst(8, 23, 17.5), dy: 0 },
  { name: "capsule", d: "M16 9H32a15 15 0 0 1 0 30H16a15 15 0 0 1 0-30Z", dy: 0 },
  { name: "house", d: "M24 3L45 20V45H3V20Z", dy: 5 },
  { name: "cross", d: "M14 3H34V13H45V35H34V45H14V35H3V13H14Z", dy: 0 },
];

/** The badge of option `index` (1…10): its shape with its number in it. */
export function badge(index) {
  const shape = BADGES[(index - 1) % BADGES.length];
  const outline = svg("path", { d: shape.d, class: "hb-badge-shape" });
  const number = svg("text", { x: 24, y: 24 + shape.dy, class: "hb-badge-number" });
  number.textContent = String(index);
  const root = svg("svg", { class: "hb-badge", viewBox: "0 0 48 48", width: 48, height: 48 }, outline, number);
  root.dataset.shape = shape.name;
  return root;
}

const PLATFORMS = {
  // A speech box with two bars: lines in a chat.
  twitch: { plate: "M4 3H28V21L21 28H15L10 32V28H4Z", sign: "M13 9V17M20 9V17" },
  // Blocks that step up like a K.
  kick: { plate: "M3 3H29V29H3Z", sign: "M10 8V24M22 8L13 16L22 24" },
  other: { plate: "M16 2a14 14 0 1 1 0 28a14 14 0 1 1 0-28Z", sign: "M10 16H10.1M16 16H16.1M22 16H22.1" },
};

/** The mark of a platform ("twitch", "kick", "other"). */
export function platformMark(platform) {
  const drawing = PLATFORMS[platform] ?? PLATFORMS.other;
  const mark = svg(
    "svg",
    { class: "hb-platform", viewBox: "0 0 32 32", width: 32, height: 32 },
    svg("path", { d: drawing.plate, class: "hb-platform-plate" }),
    svg("path", { d: drawing.sign, class: "hb-platform-sign" }),
  );
  mark.dataset.platform = platform;
  return mark;
}

export const RING_LENGTH = 2 * Math.PI * 24;

/** The countdown ring, 56 px: `.hb-ring-arc` is its moving part. */
export function ring() {
  return svg(
    "svg",
    { class: "hb-ring-drawing", viewBox: "0 0 56 56", width: 56, height: 56 },
    svg("circle", { cx: 28, cy: 28, r: 24, class: "hb-ring-track" }),
    svg("circle", {
      cx: 28,
      cy: 28,
      r: 24,
      class: "hb-ring-arc",
      "stroke-dasharray": RING_LENGTH.toFixed(2),
      transform: "rotate(-90 28 28)",
    }),
    svg("path", { d: "M20 27H36V38H20Z", class: "hb-lock-body" }),
    svg("path", { d: "M23 27V23a5 5 0 0 1 10 0V27", class: "hb-lock-bow" }),
  );
}

/** The winner's crown. */
export function crown() {
  return svg(
    "svg",
    { class: "hb-crown", viewBox: "0 0 36 28", width: 36, height: 28 },
    svg("path", { d: "M4 24L2 7L11 14L18 3L25 14L34 7L32 24Z", class: "hb-crown-shape" }),
  );
}

/** The jar of a secret ballot, 104 × 112: `.hb-jar-level` is moved up as it fills. */
export function jar(id) {
  const glass = "M22 22C12 30 10 38 10 48V92C10 101 16 106 24 106H80C88 106 94 101 94 92V48C94 38 92 30 82 22Z";
  return svg(
    "svg",
    { class: "hb-jar-drawing", viewBox: "0 0 104 112", width: 104, height: 112 },
    svg("clipPath", { id }, svg("path", { d: glass })),
    svg("path", { d: glass, class: "hb-jar-glass" }),
    svg("g", { "clip-path": `url(#${id})` }, svg("path", { d: "M0 4Q26 -4 52 4T104 4V120H0Z", class: "hb-jar-level" })),
    svg("path", { d: glass, class: "hb-jar-rim" }),
    svg("path", { d: "M20 8H84V22H20Z", class: "hb-jar-lid" }),
    svg("path", { d: "M40 56H64V74H40Z", class: "hb-jar-seal" }),
    svg("path", { d: "M45 56V51a7 7 0 0 1 14 0V56", class: "hb-jar-bow" }),
  );
}
