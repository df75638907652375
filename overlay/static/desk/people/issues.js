// The reasons why a streamer is not ready, each with what mends it.

import { h, mirror, setData, setText, show as visible } from "../dom.js";
import { fixPlace, keepButton } from "./fixes.js";

export class Issues {
  constructor(fixes) {
    this.fixes = fixes;
    this.root = h("ul", { class: "issues" });
  }

  update(issues) {
    visible(this.root, issues.length);
    mirror(this.root, issues, (issue) => `${issue.code} ${issue.platform} ${issue.channel_id}`, () => this.row());
  }

  row() {
    const words = h("p", { class: "name", dir: "auto" });
    const fix = h("p", { class: "lamp-help name", dir: "auto" });
    const place = fixPlace();
    const root = h("li", {}, h("i", { class: "lamp-light", "aria-hidden": "true" }), h("div", { class: "lamp-words" }, words, fix, place));
    return {
      root,
      update: (issue) => {
        setData(root, "tone", issue.serious ? "bad" : "warn");
        setText(words, issue.words);
        setText(fix, issue.fix);
        keepButton(place, this.fixes, issue.button);
      },
    };
  }
}
