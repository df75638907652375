// The seal of an alert: a scalloped disc and a sign for each kind, so that kinds are known without their colour.

import { svg } from "./shapes.js";

/** A disc of 120 with `count` scallops around it. */
function scalloped(count, radius, depth) {
  const corners = Array.from({ length: count }, (_, i) => {
    const at = (turn, r) => {
      const angle = (2 * Math.PI * turn) / count - Math.PI / 2;
      return `${(60 + r * Math.cos(angle)).toFixed(1)} ${(60 + r * Math.sin(angle)).toFixed(1)}`;
    };
    return `${i === 0 ? "M" : "L"}${at(i, radius - depth)}Q${at(i + 0.5, radius + depth)} ${at(i + 1, radius - depth)}`;
  });
  return `${corners.join("")}Z`;
}

function star(points, outer, inner, x, y) {
  const corners = Array.from({ length: points * 2 }, (_, i) => {
    const radius = i % 2 === 0 ? outer : inner;
    const angle = (i * Math.PI) / points - Math.PI / 2;
    return `${(x + radius * Math.cos(angle)).toFixed(1)} ${(y + radius * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${corners.join("L")}Z`;
}

// Signs in the middle of a box of 120: `fill` is solid, `line` is drawn with a pen.
const SIGNS = {
  follow: { fill: "M60 86C34 68 30 55 34 46C39 35 54 35 60 47C66 35 81 35 86 46C90 55 86 68 60 86Z" },
  subscription: { fill: star(5, 30, 13, 60, 61) },
  resub: { fill: star(5, 21, 9, 60, 61), line: "M33 66A28 28 0 0 1 83 45M87 56A28 28 0 0 1 37 77M83 33V46H70M37 89V76H50" },
  gift: {
    fill: "M34 50H86V60H34ZM38 64H57V86H38ZM63 64H82V86H63Z",
    line: "M60 49C50 49 43 45 45 38C48 31 58 37 60 49C62 37 72 31 75 38C77 45 70 49 60 49",
  },
  bits: { fill: "M60 29L83 56L60 91L37 56Z", gap: "M37 56L60 64L83 56M60 64V91" },
  kicks: { fill: "M66 28L38 65H56L52 92L83 52H63Z" },
  donation: { fill: "M60 33a27 27 0 1 1 0 54a27 27 0 1 1 0-54Z", gap: `M60 41a19 19 0 1 1 0 38a19 19 0 1 1 0-38Z${star(4, 12, 5, 60, 60)}` },
  raid: {
    line: "M38 84L78 36M82 84L42 36M35 74L48 86M85 74L72 86",
    fill: "M86 27L80 43L73 37ZM34 27L40 43L47 37ZM31 88L37 82L40 85L34 91ZM89 88L83 82L80 85L86 91Z",
  },
};

/** The seal of a kind. */
export function seal(kind) {
  const sign = SIGNS[kind] ?? SIGNS.follow;
  const parts = [
    svg("path", { d: scalloped(14, 57, 4), class: "hb-seal-edge" }),
    svg("circle", { cx: 60, cy: 60, r: 48, class: "hb-seal-disc" }),
    svg("circle", { cx: 60, cy: 60, r: 43, class: "hb-seal-rim" }),
  ];
  if (sign.fill) parts.push(svg("path", { d: sign.fill, class: "hb-seal-fill" }));
  if (sign.line) parts.push(svg("path", { d: sign.line, class: "hb-seal-line" }));
  if (sign.gap) parts.push(svg("path", { d: sign.gap, class: "hb-seal-gap" }));
  const root = svg("svg", { class: "hb-alert-seal", viewBox: "0 0 120 120", width: 132, height: 132 }, ...parts);
  root.dataset.kind = kind;
  return root;
}
