// Elements of the desk with text of their own that stick out of the window, of their zone or dialog, or whose
// text runs over their edge, as sentences. What an element around them cuts off cannot stick out.
() => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  const whole = document.documentElement.scrollWidth;
  if (whole > width) wrong.push(`the page is ${whole} px wide in a window of ${width}`);
  const cuts = (element) => getComputedStyle(element).overflowX !== "visible";
  const isCut = (element) => {
    for (let up = element; up && up !== document.body; up = up.parentElement) if (cuts(up)) return true;
    return false;
  };
  const controls = ["INPUT", "BUTTON", "TEXTAREA", "SELECT"];
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest("hb-stage, .unseen, svg") || element.tagName === "OPTION") continue;
    const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim() !== "");
    const box = element.getBoundingClientRect();
    if ((!own && !controls.includes(element.tagName)) || box.width === 0 || isCut(element)) continue;
    const who = `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`;
    if (box.left < -1 || box.right > width + 1) wrong.push(`sticks out of the window: ${who}`);
    const around = element.closest(".zone, dialog")?.getBoundingClientRect();
    if (around && (box.left < around.left - 1 || box.right > around.right + 1)) wrong.push(`leaves its zone: ${who}`);
    const runsOver = element.scrollWidth > element.clientWidth + 1;
    if (runsOver && element.clientWidth > 0) wrong.push(`runs over its edge: ${who}`);
  }
  return wrong;
}
