// Signs for conditions, 32 px. Those that most tables know have a drawing; any other shows its first letter
// in a shield, which is told apart by the text that names it when it comes.

import { svg } from "./shapes.js";

// Lines in a box of 32; a condition is found by the beginning of its name, in the languages we speak.
const DRAWINGS = [
  { d: ["M16 5C11 12 8 16 8 20a8 8 0 0 0 16 0c0-4-3-8-8-15Z", "M13 21a3 3 0 0 0 3 3"], names: ["poison", "vergift", "empoison", "envenen"] },
  { d: ["M4 24H28", "M6 19H15L20 12L26 12", "M23 8a2.500 2.500 0 1 1 .1 0Z"], names: ["prone", "liegend", "à terre", "tumbad", "derrib", "caíd"] },
  { d: ["M4 16C8 9 24 9 28 16C24 23 8 23 4 16Z", "M5 27L27 5"], names: ["blind", "geblendet", "aveugl", "ceg"] },
  { d: ["M18 4L8 18H15L13 28L24 13H17Z"], names: ["stun", "betäub", "étourdi", "aturdid", "atordoad"] },
  { d: ["M6 10V22M26 10V22M6 16H26", "M11 12V20M21 12V20"], names: ["restrain", "festgesetzt", "entrav", "apresad", "imped", "grappl", "gepackt", "agripp", "agarrad"] },
  { d: ["M16 4L20 12H28L22 18L24 27L16 22L8 27L10 18L4 12H12Z"], names: ["bless", "gesegnet", "béni", "bendecid", "abençoad"] },
  { d: ["M16 27C8 20 5 16 5 12a5.500 5.500 0 0 1 11-1a5.500 5.500 0 0 1 11 1c0 4-3 8-11 15Z"], names: ["charm", "bezaubert", "charmé", "hechizad", "encantad"] },
  { d: ["M7 28V15a9 9 0 0 1 18 0V28L21 25L16 28L11 25Z", "M12 15V17M20 15V17"], names: ["fright", "fear", "verängst", "effray", "asustad", "amedrontad"] },
  { d: ["M16 4a12 12 0 1 1-.1 0Z", "M16 10a6 6 0 1 1-.1 0Z", "M16 15.900V16.100"], names: ["concentrat", "konzentr", "concentr"] },
  { d: ["M5 25H19L10 25L18 14H5", "M19 12H27L19 22H27"], names: ["unconscious", "bewusstlos", "inconscient", "inconscient", "asleep", "schlaf"] },
  { d: ["M8 6H24L27 14L22 27H10L5 14Z", "M14 6L11 16L16 27M19 6L22 15"], names: ["petrif", "versteiner", "pétrifi"] },
  { d: ["M16 5V27M6 10L26 22M26 10L6 22"], names: ["paraly", "gelähmt", "paralys"] },
  { d: ["M6 13a10 10 0 0 1 20 0V27L22 24L19 27L16 24L13 27L10 24L6 27Z"], names: ["invisib", "unsichtbar"] },
  { d: ["M16 4C18 9 24 12 24 19a8 8 0 0 1-16 0c0-3 1-5 3-7c0 3 2 4 3 4C13 11 14 7 16 4Z"], names: ["burn", "brenn", "brûl", "quemad", "queimad"] },
];

/** The sign of a condition as people wrote it. */
export function conditionSign(name) {
  const plain = name.toLocaleLowerCase();
  const drawing = DRAWINGS.find(({ names }) => names.some((known) => plain.startsWith(known)));
  const root = svg("svg", { class: "hb-condition", viewBox: "0 0 32 32", width: 32, height: 32 });
  if (drawing !== undefined) {
    root.append(...drawing.d.map((d) => svg("path", { d, class: "hb-condition-line" })));
    return root;
  }
  const letter = svg("text", { x: 16, y: 16, class: "hb-condition-letter" });
  letter.textContent = Array.from(name)[0]?.toLocaleUpperCase() ?? "?";
  root.append(svg("path", { d: "M5 4H27V18C27 24 21 28 16 30C11 28 5 24 5 18Z", class: "hb-condition-line" }), letter);
  return root;
}
