// Where things stand: the stage's logical pixels, its nine anchors and the lower third, and who stands at which
// of them when several are on stage. Pure.

const LANDSCAPE = { name: "landscape", width: 1920, height: 1080 };
const VERTICAL = { name: "vertical", width: 1080, height: 1920 };

/** The anchors by name; `lower-third` is the bottom centre with the wide, shallow form of a widget. */
export const ANCHORS = Object.freeze([
  "top-left", "top", "top-right",
  "left", "center", "right",
  "bottom-left", "bottom", "bottom-right",
  "lower-third",
]);

/** What stands between two widgets, px. */
const GAP = 12;
/** A widget that finds no room at its size is made smaller step by step, but not smaller than this. */
const LEAST_SCALE = 0.6;
const LEAST_SHARE = 0.4;
const SMALLER = 0.92;

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

/**
 * The anchors at which a widget of `kind` may stand, the best first. `anchor` is the streamer's wish: where the
 * poll stands, or the only widget of a source (`alone`). What belongs to the table keeps to the other side.
 */
export function homes(kind, { anchor, upright, alone }) {
  const wished = placeOf(anchor, upright).name;
  if (kind === "poll" || (alone && ANCHORS.includes(anchor))) return [wished];
  const [near, away] = wished.endsWith("right") ? ["right", "left"] : ["left", "right"];
  if (kind === "party") return ["bottom"];
  if (kind === "initiative") return [`top-${away}`, `top-${near}`, away, near];
  if (kind === "dice" && upright) return [`top-${near}`, near, `top-${away}`, away, `bottom-${near}`];
  if (kind === "dice") return [`bottom-${away}`, away, `top-${away}`, `bottom-${near}`, near, `top-${near}`];
  if (kind === "alert" && upright) return ["top", "bottom", "center"];
  return upright ? ["center", "top", "bottom"] : ["top", `top-${near}`, "bottom", `top-${away}`, "center", near, away];
}

/** In this order places are given away: what stays before what comes and goes. */
const PRECEDENCE = ["party", "poll", "initiative", "dice", "alert", "card"];

/**
 * Where each of `items` (`{kind, width, height, scale, homes}`, sizes without scale) stands in a room of
 * `width` × `height`: `{anchor, scale, lift, box}` in the same order. `lift` is the room below, in px, that the
 * party bar takes from whatever else stands at the bottom.
 */
export function arrange(room, items) {
  // What is too large to stand beside the others is made smaller alone; where that is not enough, all are.
  let share = 1;
  let found = attempt(room, items, share);
  while (!found.fits && share > LEAST_SHARE) {
    share *= SMALLER;
    found = attempt(room, items, share);
  }
  return found.places;
}

function attempt(room, items, share) {
  const placed = [];
  const found = new Map();
  let lift = 0;
  let fits = true;
  for (const item of [...items].sort((a, b) => rank(a.kind) - rank(b.kind))) {
    const place = settle(room, { ...item, scale: item.scale * share }, placed, lift);
    fits &&= place.free;
    placed.push(place.box);
    found.set(item, place);
    if (item.kind === "party" && isLow(place.anchor)) lift = place.box.height + GAP;
  }
  return { fits, places: items.map((item) => found.get(item)) };
}

function rank(kind) {
  const at = PRECEDENCE.indexOf(kind);
  return at < 0 ? PRECEDENCE.length : at;
}

function isLow(anchor) {
  return anchor.startsWith("bottom") || anchor === "lower-third";
}

/** The first home in which `item` covers nobody, at its own size or a smaller one. */
function settle(room, item, placed, lift) {
  for (let scale = item.scale; scale >= Math.min(LEAST_SCALE, item.scale); scale *= SMALLER) {
    for (const anchor of item.homes) {
      const place = put(room, item, anchor, scale, lift);
      if (!placed.some((other) => meets(place.box, other))) return { ...place, free: true };
    }
  }
  return { ...put(room, item, item.homes[0], item.scale, lift), free: false };
}

function put(room, item, anchor, wish, lift) {
  const below = isLow(anchor) ? lift : 0;
  const scale = Math.min(wish, room.width / item.width, (room.height - below) / item.height);
  const width = item.width * scale;
  const height = item.height * scale;
  const x = anchor.endsWith("left") ? 0 : anchor.endsWith("right") ? room.width - width : (room.width - width) / 2;
  const y = anchor.startsWith("top") ? 0 : isLow(anchor) ? room.height - below - height : (room.height - height) / 2;
  return { anchor, scale, lift: below, box: { x, y, width, height } };
}

function meets(a, b) {
  return a.x < b.x + b.width + GAP / 2 && b.x < a.x + a.width + GAP / 2
    && a.y < b.y + b.height + GAP / 2 && b.y < a.y + a.height + GAP / 2;
}
