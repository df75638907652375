// A button for what cannot be undone: hold it, or (keyboard, screen reader) press it twice.

import { h, setAttr, setText } from "./dom.js";

const HOLD_MS = 900;
const ARMED_MS = 5000;
const DOUBLE_CLICK_MS = 500;

/** `run()` is called after a full hold, or a second press within five seconds. */
export function holdButton(label, kind, run, props = {}) {
  const fill = h("i", { class: "hold-fill", "aria-hidden": "true" });
  const words = h("span", { text: label });
  const root = h("button", { type: "button", class: `button hold ${kind}`, ...props }, fill, words);
  let timer = 0;
  let armedAt = 0;
  let disarm = 0;
  let held = false;

  const rest = () => {
    clearTimeout(disarm);
    armedAt = 0;
    setText(words, label);
    setAttr(root, "data-armed", null);
  };
  const release = () => {
    clearTimeout(timer);
    setAttr(root, "data-holding", null);
  };
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = false;
    setAttr(root, "data-holding", true);
    timer = setTimeout(() => {
      held = true;
      release();
      rest();
      run();
    }, HOLD_MS);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) root.addEventListener(name, release);
  root.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
  root.addEventListener("click", () => {
    if (held) {
      held = false;
      return;
    }
    const since = performance.now() - armedAt;
    if (armedAt && since > DOUBLE_CLICK_MS && since < ARMED_MS) {
      rest();
      run();
      return;
    }
    if (armedAt) return;
    armedAt = performance.now();
    setText(words, "Hold, or press again to confirm");
    setAttr(root, "data-armed", true);
    disarm = setTimeout(rest, ARMED_MS);
  });
  return root;
}
