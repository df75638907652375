// A short form: fields with labels, one button, and a line that says what is wrong or under way.

import { h, setText, uniqueId } from "../../desk/dom.js";
import { sentence } from "./page.js";

/** A field: `{root, input}`. `kind`: email, password or text. */
export function field(label, kind, props = {}, help = "") {
  const id = uniqueId("field");
  const input = h("input", { id, type: kind, required: true, "aria-describedby": help ? `${id}-help` : null, ...props });
  const root = h("div", { class: "field" }, h("label", { for: id, text: label }), input,
    help && h("p", { class: "hint", id: `${id}-help`, text: help }));
  return { root, input };
}

/** A new password, typed once and shown when asked: a second field only makes people paste. */
export function passwordField(label, autocomplete, help = "") {
  const made = field(label, "password", { autocomplete, maxlength: 512 }, help);
  const seen = h("input", { type: "checkbox", onchange: () => {
    made.input.type = seen.checked ? "text" : "password";
  } });
  made.root.append(h("label", { class: "seen" }, seen, "Show it"));
  return made;
}

/**
 * The form. `run()` makes the call and answers `{ok, status, body}`; `done(answer)` is called when it is ok.
 * While it runs the button is busy and a second press does nothing.
 */
export function form(fields, label, busy, run, done) {
  const wrong = h("p", { class: "bad", role: "alert" });
  const send = h("button", { type: "submit", text: label });
  let running = false;
  const root = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    setText(wrong, "");
    setText(send, busy);
    const answer = await run();
    running = false;
    setText(send, label);
    if (answer.ok) done(answer);
    else setText(wrong, sentence(answer));
  } }, fields.map((one) => one.root), wrong, send);
  return root;
}
