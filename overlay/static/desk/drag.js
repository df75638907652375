// Moving rows of a list: drag by the handle with mouse or finger, or arrow keys on the focused handle.

/**
 * Makes `handle` move `row` inside `list`. `moved(from, to)` is called once when the row is let go elsewhere;
 * `count()` tells how many rows there are.
 */
export function movable(list, row, handle, moved) {
  const rows = () => [...list.children];
  let drag = null;

  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const all = rows();
    drag = {
      id: event.pointerId, startY: event.clientY, from: all.indexOf(row), to: all.indexOf(row), all,
      scroller: scrollParent(list), scrollTop: scrollParent(list).scrollTop,
      middles: all.map((item) => item.offsetTop + item.offsetHeight / 2), height: row.offsetHeight + gap(list),
    };
    row.classList.add("dragged");
  });

  handle.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    nudgeScroll(drag.scroller, event.clientY);
    const dy = event.clientY - drag.startY + drag.scroller.scrollTop - drag.scrollTop;
    row.style.transform = `translateY(${dy}px)`;
    const middle = drag.middles[drag.from] + dy;
    let to = 0;
    drag.middles.forEach((other, index) => {
      if (index !== drag.from && other < middle) to += 1;
    });
    if (to === drag.to) return;
    drag.to = to;
    drag.all.forEach((item, index) => {
      if (item === row) return;
      let shift = 0;
      if (index > drag.from && index <= to) shift = -drag.height;
      if (index < drag.from && index >= to) shift = drag.height;
      item.style.transform = shift ? `translateY(${shift}px)` : "";
    });
  });

  const drop = (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const { from, to, all } = drag;
    drag = null;
    for (const item of all) item.style.transform = "";
    row.classList.remove("dragged");
    if (event.type === "pointerup" && from !== to) moved(from, to);
  };
  handle.addEventListener("pointerup", drop);
  handle.addEventListener("pointercancel", drop);

  handle.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = rows();
    const from = all.indexOf(row);
    const to = from + step;
    if (to < 0 || to >= all.length) return;
    moved(from, to);
    // The row moves with the next drawing; the handle keeps the focus for the next press.
    requestAnimationFrame(() => requestAnimationFrame(() => handle.focus()));
  });
}

function gap(list) {
  return Number.parseFloat(getComputedStyle(list).rowGap) || 0;
}

function scrollParent(node) {
  for (let up = node.parentElement; up; up = up.parentElement) {
    if (up.scrollHeight > up.clientHeight && /auto|scroll/.test(getComputedStyle(up).overflowY)) return up;
  }
  return document.scrollingElement;
}

/** Near the upper or lower edge the list scrolls along. */
function nudgeScroll(scroller, y) {
  const box = scroller === document.scrollingElement
    ? { top: 0, bottom: innerHeight } : scroller.getBoundingClientRect();
  if (y < box.top + 40) scroller.scrollTop -= 8;
  else if (y > box.bottom - 40) scroller.scrollTop += 8;
}

/** A copy of `items` with one moved. */
export function reordered(items, from, to) {
  const next = items.slice();
  const [item] = next.splice(from, 1);
  next.splice(to, 0, item);
  return next;
}
