// Building and updating the page. Text enters only as text nodes: nothing here can turn data into markup.

import { icon } from "./icons.js";

/** Makes an element. `props`: `class`, `text`, `on*` handlers, `data` (dataset), `attrs` else set as attributes. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  add(node, children);
  return node;
}

function add(node, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(node, child);
    else node.append(child);
  }
}

/** Writes text only when it differs, so that an unchanged page costs no layout. */
export function setText(node, text) {
  const next = text === undefined || text === null ? "" : String(text);
  if (node.textContent !== next) node.textContent = next;
}

/** Shows or hides with the `hidden` attribute; tells whether it is shown. */
export function show(node, visible) {
  if (node.hidden === Boolean(visible)) node.hidden = !visible;
  return Boolean(visible);
}

/** Sets or removes an attribute only when it differs. */
export function setAttr(node, name, value) {
  if (value === undefined || value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const next = value === true ? "" : String(value);
  if (node.getAttribute(name) !== next) node.setAttribute(name, next);
}

export function setData(node, name, value) {
  if (value === undefined || value === null || value === false) {
    if (name in node.dataset) delete node.dataset[name];
  } else if (node.dataset[name] !== String(value)) node.dataset[name] = String(value);
}

const rows = new WeakMap();

/**
 * Makes `parent`'s children mirror `items`: nodes are kept by key, so focus and open menus survive an update.
 * `create(item)` → view with `root`; `view.update(item, index)` writes it.
 */
export function mirror(parent, items, keyOf, create) {
  const known = rows.get(parent) ?? new Map();
  const wanted = new Set(items.map((item) => keyOf(item)));
  for (const [key, view] of known) {
    if (!wanted.has(key)) {
      view.root.remove();
      known.delete(key);
    }
  }
  let place = parent.firstChild;
  items.forEach((item, index) => {
    const key = keyOf(item);
    let view = known.get(key);
    if (!view) {
      view = create(item);
      known.set(key, view);
    }
    if (view.root === place) place = place.nextSibling;
    else parent.insertBefore(view.root, place);
    view.update(item, index);
  });
  rows.set(parent, known);
  return known;
}

/** A number of this page only, for `aria-labelledby` and `for`. */
let serial = 0;
export function uniqueId(prefix) {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** A button with words; `kind` is a class: plain, quiet, danger, accent, and small. */
export function button(label, kind, onclick, props = {}) {
  return h("button", { type: "button", class: `button ${kind}`, text: label, onclick, ...props });
}

/** A name that streamer-safe mode blurs, within a sentence. */
export function named(name) {
  return h("span", { class: "name", dir: "auto", text: `“${name}”` });
}

/** A square button with a sign; `label` is read aloud and shown by the mouse. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "button quiet square", "aria-label": label, title: label, onclick, ...props },
    icon(name));
}

/** A sentence in which a name may stand, with the name blurred in streamer-safe mode. */
export function withName(text, name) {
  const plain = () => h("span", { class: "name", dir: "auto", text: name });
  return text.split(name).flatMap((part, index) => (index === 0 ? [part] : [plain(), part]));
}
