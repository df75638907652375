// What leaves its box on the overlay, as sentences. Bars and lights are pushed about inside boxes that cut
// them off; the crown may stand over the edge.
() => {
  const wrong = [];
  const leaves = (a, b, by) =>
    a.left < b.left - by || a.right > b.right + by || a.top < b.top - by || a.bottom > b.bottom + by;
  const safe = document.querySelector(".hb-safe").getBoundingClientRect();
  const poll = document.querySelector("hb-poll");
  const box = poll.getBoundingClientRect();
  if (leaves(box, safe, 1)) wrong.push(`the widget ${JSON.stringify(box)} leaves the safe area`);
  for (const part of poll.querySelectorAll("*")) {
    if (part.closest(".hb-lane, .hb-shimmer, .hb-confetti, .hb-crown, svg")) continue;
    const inner = part.getBoundingClientRect();
    const seen = inner.width > 0 && inner.height > 0;
    if (seen && leaves(inner, box, 1.5)) wrong.push(`${part.className} leaves the widget`);
  }
  for (const text of poll.querySelectorAll(".hb-label, .hb-question")) {
    // Lines beyond the second are cut off; the upper edge of their letters must not be seen either.
    const { bottom } = text.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(text);
    const lines = Array.from(range.getClientRects());
    const cut = lines.find((line) => line.bottom > bottom + 2 && line.top < bottom - 4);
    if (cut) wrong.push(`${(bottom - cut.top).toFixed(1)} px of a cut line are seen: ${text.textContent}`);
  }
  for (const row of poll.querySelectorAll(".hb-row")) {
    const lane = row.querySelector(".hb-lane").getBoundingClientRect();
    const figures = row.querySelector(".hb-figures").getBoundingClientRect();
    const label = row.querySelector(".hb-label");
    const inner = label.getBoundingClientRect();
    const said = label.textContent;
    if (inner.top < lane.top - 4 || inner.bottom > lane.bottom + 4) wrong.push(`taller than its row: ${said}`);
    if (figures.width > 0 && inner.right > figures.left + 1) wrong.push(`runs into its figures: ${said}`);
    if (inner.width < 40) wrong.push(`has no room: ${said}`);
    const { overflowX, overflowY } = getComputedStyle(label);
    if (overflowX === "visible" || overflowY === "visible") wrong.push(`is not cut off at its box: ${said}`);
  }
  return wrong;
}
