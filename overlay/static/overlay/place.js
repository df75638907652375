// Where things stand: the stage's logical pixels, its nine anchors and the lower third.

const LANDSCAPE = { name: "landscape", width: 1920, height: 1080 };
const VERTICAL = { name: "vertical", width: 1080, height: 1920 };

/** The anchors by name; `lower-third` is the bottom centre with the wide, shallow form of a widget. */
export const ANCHORS = Object.freeze([
  "top-left", "top", "top-right",
  "left", "center", "right",
  "bottom-left", "bottom", "bottom-right",
  "lower-third",
]);

/**
 * The stage for a box of `width` × `height` real pixels. The scale is that of the brief,
 * min(width/1920, height/1080); what the box has beyond 16:9 belongs to the stage too, so that anchors
 * are at the edges of the source. A box that is clearly upright gets the vertical stage in any case:
 * nobody wants a landscape stage in the middle of a phone picture.
 */
export function stageBox(width, height, wanted) {
  const kind = wanted === "vertical" || height > width * 1.2 ? VERTICAL : LANDSCAPE;
  const scale = Math.min(width / kind.width, height / kind.height);
  return { name: kind.name, scale, width: width / scale, height: height / scale };
}

/** The anchor called `name`, else the usual place: lower left, on an upright stage the bottom. */
export function placeOf(name, upright) {
  const known = ANCHORS.includes(name) ? name : upright ? "bottom" : "bottom-left";
  return { name: known, wide: known === "lower-third" };
}
