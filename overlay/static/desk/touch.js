// Is a finger (or a mouse button) down right now? Lists wait for it to lift before they move.

let down = false;
let lifted = [];

function press(event) {
  if (event.isPrimary !== false) down = true;
}

function lift() {
  if (!down) return;
  // The click follows the lift: let it land on what the person aimed at, then move things.
  setTimeout(() => {
    down = false;
    const run = lifted;
    lifted = [];
    for (const call of run) call();
  }, 60);
}

/** Starts watching; call once. */
export function watchFingers() {
  addEventListener("pointerdown", press, { capture: true, passive: true });
  addEventListener("pointerup", lift, { capture: true, passive: true });
  addEventListener("pointercancel", lift, { capture: true, passive: true });
  addEventListener("blur", lift);
  // After a mouse click the focus ring would catch the space bar: give it back to the show.
  addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("button, summary, a") : null;
    if (target && event.detail > 0 && !target.closest("dialog")) target.blur();
  });
}

export function fingerDown() {
  return down;
}

/** Calls back at once when nothing is pressed, otherwise shortly after the lift. */
export function whenLifted(call) {
  if (down) lifted.push(call);
  else call();
}
