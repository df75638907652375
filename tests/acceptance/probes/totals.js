// In the page before the page's own scripts: notes when the sum of the painted numbers first reaches a total.
(() => {
  const reached = []; // [total, time of the frame]
  window.__reached = reached;
  const look = () => {
    requestAnimationFrame(look);
    const texts = Array.from(document.querySelectorAll("hb-poll .hb-count"), (count) => count.textContent);
    if (texts.length === 0 || texts.some((text) => text === "")) return;
    const total = texts.reduce((sum, text) => sum + Number(text.replaceAll("\u202f", "")), 0);
    if (total > (reached.at(-1)?.[0] ?? -1)) reached.push([total, Date.now()]);
  };
  requestAnimationFrame(look);
})();
