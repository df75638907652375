// <hb-card>: a card that is shown for a while. Writes a view of card_view.js.

import { cardView, EXIT_MS } from "./card_view.js";
import { dieBody } from "./dice_shapes.js";
import { play, RISE } from "./motion.js";
import { box, line, setClass, setData, setText } from "./write.js";

export class HbCard extends HTMLElement {
  #parts = null;

  /** As <hb-poll>. */
  render(board, now, context) {
    const view = cardView(board, now, context);
    if (this.#parts === null) this.#build();
    const { title, name, lines } = this.#parts;
    setData(this, "style", view.style);
    setClass(this, "hb-gone", !view.visible);
    setText(title, view.title);
    setText(name, view.name);
    const text = view.lines.join("\n");
    if (lines.dataset.text !== text) {
      lines.dataset.text = text;
      lines.replaceChildren(...view.lines.map((words) => {
        const element = line("hb-show-line");
        element.textContent = words;
        return element;
      }));
    }
    const calm = context.reduced || !context.attention;
    play(this, "enter", view.motions.enter, calm ? [{ opacity: 0 }, {}] : [{ opacity: 0, transform: "translateY(24px)" }, {}], now, RISE);
    play(this, "exit", view.motions.exit, exitFrames(context.reduced), now, "ease-in", true);
    return view;
  }

  #build() {
    this.classList.add("hb-show");
    const [title, name, lines] = [line("hb-show-title"), line("hb-show-name"), box("hb-show-lines")];
    this.#parts = { title, name, lines };
    const dice = box("hb-show-dice", dieBody(20), dieBody(6), dieBody(10));
    this.replaceChildren(box("hb-card hb-show-card", dice, title, name, lines));
  }

  leave(now, reduced) {
    play(this, "leave", { start: now, duration: EXIT_MS }, exitFrames(reduced), now, "ease-in", true);
  }
}

function exitFrames(reduced) {
  return reduced ? [{ opacity: 1 }, { opacity: 0 }] : [{ opacity: 1, transform: "none" }, { opacity: 0, transform: "translateY(12px)" }];
}

customElements.define("hb-card", HbCard);
