// The desk's few signs, drawn, so that no phone turns them into emoji and no font lacks them.

const SVG = "http://www.w3.org/2000/svg";

// Outlines in a box of 24, filled with the text colour.
const PATHS = {
  play: "M6 3.5v17a1 1 0 0 0 1.5.86l14-8.5a1 1 0 0 0 0-1.72l-14-8.5A1 1 0 0 0 6 3.5Z",
  stop: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Z",
  reveal: "M12 1.6l3.1 6.6 7.2.9-5.3 5 1.4 7.1L12 17.7l-6.4 3.5L7 14.1l-5.3-5 7.2-.9Z",
  next: "M3 5v14a1 1 0 0 0 1.6.8L12 14v5a1 1 0 0 0 1.6.8l9-7a1 1 0 0 0 0-1.6l-9-7A1 1 0 0 0 12 5v5L4.6 4.2A1 1 0 0 0 3 5Z",
  plus: "M10.3 3.5h3.4v6.8h6.8v3.4h-6.8v6.8h-3.4v-6.8H3.5v-3.4h6.8Z",
  wait: "M5 9.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5ZM12 9.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5ZM19 9.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5Z",
  tie: "M3 6h18v4H3ZM3 14h18v4H3Z",
  grip: "M8 4h3v3H8ZM13 4h3v3h-3ZM8 10.5h3v3H8ZM13 10.5h3v3h-3ZM8 17h3v3H8ZM13 17h3v3h-3Z",
  more: "M5 10a2 2 0 1 1 0 4a2 2 0 1 1 0-4ZM12 10a2 2 0 1 1 0 4a2 2 0 1 1 0-4ZM19 10a2 2 0 1 1 0 4a2 2 0 1 1 0-4Z",
  close: "M5.6 3.5L12 9.9l6.4-6.4 2.1 2.1L14.1 12l6.4 6.4-2.1 2.1L12 14.1l-6.4 6.4-2.1-2.1L9.9 12 3.5 5.6Z",
  down: "M4 8l8 8 8-8-1.9-1.9L12 12.2 5.9 6.1Z",
  blur: "M12 5C6 5 2 12 2 12s4 7 10 7 10-7 10-7-4-7-10-7Zm0 11a4 4 0 1 1 0-8a4 4 0 1 1 0 8Z",
};

/** A sign by name; nobody reads it aloud, the button beside it has words. */
export function icon(name) {
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", "0 0 24 24");
  root.setAttribute("class", "icon");
  root.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  root.append(path);
  turnInto(root, name);
  return root;
}

/** Makes a sign another one in place. */
export function turnInto(root, name) {
  if (root.dataset.icon === name) return;
  root.dataset.icon = name;
  root.firstChild.setAttribute("d", PATHS[name]);
}
