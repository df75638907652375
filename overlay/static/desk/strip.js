// The strip below the header: what is degraded, in words. Nothing is there while all is well.

import { h, mirror, setData, setText, show as visible } from "./dom.js";
import { Problem } from "./problem.js";
import { troubles } from "./words.js";

const FRESH_MS = 8000; // an older status says nothing about now; that there is no newer one is the banner's to say

export class Strip {
  constructor() {
    this.list = h("ul", { class: "troubles" });
    // Read out when something new is wrong, not with every new figure in it.
    this.root = h("section", { class: "strip", role: "status", "aria-relevant": "additions",
      "aria-label": "What is degraded", hidden: true }, this.list);
  }

  update({ campaign, status, statusAt, statusError, signedOut }) {
    const isFresh = Date.now() - statusAt < FRESH_MS;
    const isDatabaseAway = statusError instanceof Problem && statusError.status === 503;
    const rows = campaign && !signedOut ? troubles(isFresh ? status : null, isDatabaseAway) : [];
    visible(this.root, rows.length);
    mirror(this.list, rows, (row) => row.key, trouble);
  }
}

function trouble() {
  const words = h("span");
  const root = h("li", { class: "trouble" }, h("i", { class: "lamp-light", "aria-hidden": "true" }), words);
  return {
    root,
    update(row) {
      setData(root, "tone", row.tone);
      setText(words, row.text);
    },
  };
}
