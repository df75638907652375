// The parts of the login page that all its ways share: words, a button to try again, one panel, and calls to the API.

import { h } from "../../desk/dom.js";

const title = document.getElementById("title");
const text = document.getElementById("text");
const more = document.getElementById("more");
const again = document.getElementById("again");
const panel = document.getElementById("panel");
const TIMEOUT_MS = 15000;

let retry = null;
again.addEventListener("click", () => retry?.());

/** What is the case, in words. `tryAgain`: what the button does; null hides it. */
export function say(heading, words, hint = "", tryAgain = null) {
  title.textContent = heading;
  text.textContent = words;
  more.textContent = hint;
  more.hidden = hint === "";
  retry = tryAgain;
  again.hidden = tryAgain === null;
}

export const show = {
  /** What stands below the words; nothing hides it. */
  panel(...children) {
    panel.replaceChildren(...children);
    panel.hidden = children.length === 0;
  },

  /** A way on. */
  link(path, label) {
    panel.prepend(h("p", {}, h("a", { class: "button", href: path, text: label })));
    panel.hidden = false;
  },
};

/** One call: `{ok, status, body}`; status 0 when nobody answered. */
export async function call(method, path, body, csrf = "") {
  try {
    const response = await fetch(`/api/v1${path}`, {
      method,
      headers: { Accept: "application/json", ...(method === "GET" ? {} : { "Content-Type": "application/json", "X-CSRF-Token": csrf }) },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const raw = await response.text();
    return { ok: response.ok, status: response.status, body: raw.startsWith("{") ? JSON.parse(raw) : {} };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

/** A failed call as a sentence. */
export function sentence(answer) {
  if (answer.status === 0) return "Hubbub does not answer. See whether it runs, then try again.";
  const field = answer.body.errors?.[0]?.message;
  const said = answer.status === 422 && field ? field : answer.body.detail;
  return said || "Hubbub has a problem just now. Wait a moment, then try again.";
}
