// In the page before the page's own scripts: looks at every frame that is about to be painted.
// `first`: the first one that has numbers. `bare`: how many showed a plate without them.
// `later`: the totals of a dozen frames from the first on.
(() => {
  const seen = { first: null, bare: 0, frames: 0, later: [] };
  window.__seen = seen;
  const look = () => {
    requestAnimationFrame(look);
    seen.frames += 1;
    const plate = document.querySelector("hb-poll");
    if (plate === null) return;
    const all = (selector, read) => Array.from(plate.querySelectorAll(selector), read);
    const texts = all(".hb-count", (count) => count.textContent);
    const percents = all(".hb-number", (number) => number.textContent);
    const numbers = texts.map((text) => Number(text.replaceAll("\u202f", "")));
    const full = texts.length === 4 && [...texts, ...percents].every((text) => text !== "") && numbers.every(Number.isInteger);
    const visible = plate.getBoundingClientRect().height > 0 && getComputedStyle(plate).visibility !== "hidden";
    if (visible && !full) seen.bare += 1;
    if (!full) return;
    seen.first ??= {
      at: Date.now(),
      numbers,
      percents: percents.map(Number),
      opacity: Math.min(...all(".hb-row", (row) => Number(getComputedStyle(row).opacity))),
      // The bar is as wide as its row and is pushed in from the left.
      fills: all(".hb-fill", (fill) => 1 + new DOMMatrix(getComputedStyle(fill).transform).e / fill.offsetWidth),
    };
    if (seen.later.length < 12) seen.later.push(numbers.reduce((sum, votes) => sum + votes, 0));
  };
  requestAnimationFrame(look);
})();
