// What the page's address says: whose overlay, with which key, and the streamer's wishes.
//   /o/{overlay_id}?widget=&theme=&scale=&anchor=&lang=&motion=reduced&debug=1#k=ovl_…

import { ANCHORS } from "./place.js";
import { THEMES } from "./stage.js";
import { displayText } from "./text.js";

/** `{overlay, key, name, debug, overrides}` of a Location. The fragment is read, never removed: OBS reloads it. */
export function readAddress(location) {
  const query = new URLSearchParams(location.search);
  const overrides = {};
  const theme = query.get("theme");
  if (THEMES.includes(theme)) overrides.theme = theme;
  const anchor = query.get("anchor");
  if (ANCHORS.includes(anchor)) overrides.anchor = anchor;
  const scale = Number.parseFloat(query.get("scale"));
  if (Number.isFinite(scale)) overrides.scale = scale;
  const motion = query.get("motion");
  if (motion) overrides.motion = motion;
  const lang = query.get("lang");
  if (lang) overrides.lang = lang;
  const widgets = (query.get("widget") ?? "").split(",").map((kind) => kind.trim()).filter(Boolean);
  if (widgets.length > 0) overrides.widgets = widgets;
  return {
    overlay: /^\/o\/([^/]+)/.exec(location.pathname)?.[1] ?? "",
    key: new URLSearchParams(location.hash.slice(1)).get("k"),
    name: displayText(query.get("name") ?? "", 40).slice(0, 64),
    debug: query.get("debug") === "1",
    overrides,
  };
}
