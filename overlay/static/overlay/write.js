// Writing into the page what a view says: text by textContent, and only what differs from what is there.

/** A `div` of a class, with children. */
export function box(className, ...children) {
  const element = document.createElement("div");
  element.className = className;
  element.append(...children);
  return element;
}

/** A `div` whose text comes from people: its direction is its own. */
export function line(className) {
  const element = box(className);
  element.dir = "auto";
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

export function setStyle(element, name, value) {
  if (element.style[name] !== value) element.style[name] = value;
}

/** Sets `data-name`, or takes it away for null. */
export function setData(element, name, value) {
  if (value === null) delete element.dataset[name];
  else if (element.dataset[name] !== String(value)) element.dataset[name] = String(value);
}
