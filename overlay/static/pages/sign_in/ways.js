// The ways to sign in that this installation offers: providers, a code for another device, e-mail and password.

import { h, show as visible, uniqueId } from "../../desk/dom.js";
import { deviceSignIn } from "./device.js";
import { field, form, passwordField } from "./form.js";
import { call, say, show } from "./page.js";

/** `ways` as the API tells them; `enter()` opens the desk. */
export function showWays(ways, home, enter) {
  const parts = [];
  if (ways.providers.length) parts.push(providers(ways, home, enter));
  if (ways.email) parts.push(byEmail(enter));
  show.panel(...parts);
}

/** Who streams lets Hubbub do something on the channel; everybody else only says who they are. */
function providers(ways, home, enter) {
  const channels = ways.providers.filter((one) => one.permissions.length > 0);
  const name = uniqueId("wants");
  const radios = [["channel", "I stream"], ["identity", "I run shows, help, or watch"]].map(([value, words], index) => {
    const input = h("input", { type: "radio", name, value, checked: index === 0, onchange: () => update() });
    return { input, root: h("label", { class: "choice" }, input, words) };
  });
  const wants = () => radios.find((radio) => radio.input.checked).input.value;
  const buttons = ways.providers.map((one) => {
    const link = one.code && h("a", { class: "button", text: `Sign in with ${one.name}` });
    const code = one.device && h("button", { type: "button", class: one.code ? "second" : null,
      text: one.code ? `${one.name} on another device` : `Sign in with ${one.name}`,
      onclick: () => deviceSignIn(one, wants(), () => {
        say("Sign in", "Choose how.");
        showWays(ways, home, enter);
      }, enter) });
    return { one, link, root: h("div", { class: "way" }, link, code) };
  });
  const asked = channels.map((one) => h("details", {},
    h("summary", { text: `What ${one.name} will ask you to allow` }),
    h("ul", {}, one.permissions.map((permission) => h("li", { text: permission.words })))));
  function update() {
    for (const { one, link } of buttons) {
      const wanted = one.permissions.length ? wants() : "identity";
      if (link) link.href = `/auth/${one.provider}/start?${new URLSearchParams({ wants: wanted, return_to: home })}`;
    }
    for (const list of asked) visible(list, wants() === "channel");
  }
  update();
  return h("section", { "aria-label": "With an account elsewhere" },
    channels.length > 0 && h("fieldset", {}, h("legend", { text: "Who are you?" }), radios.map((radio) => radio.root)),
    buttons.map((made) => made.root), asked);
}

function byEmail(enter) {
  const root = h("section", { "aria-label": "With e-mail and password" });
  const email = field("E-mail", "email", { autocomplete: "username", maxlength: 254 });
  const password = passwordField("Password", "current-password");
  const back = h("button", { type: "button", class: "quiet", text: "Back", onclick: () => enterForm() });
  const address = (path, label, busy, words) => {
    const to = field("E-mail", "email", { autocomplete: "email", maxlength: 254, value: email.input.value });
    root.replaceChildren(
      form([to], label, busy, () => call("POST", path, { email: to.input.value.trim() }), () => {
        say("Look into your mailbox", words, "It can take a minute. Another letter is sent after five minutes at the earliest.");
        root.replaceChildren(back);
      }), back);
    to.input.focus();
  };
  function enterForm() {
    root.replaceChildren(
      form([email, password], "Sign in", "Signing in…",
        () => call("POST", "/session/password", { email: email.input.value.trim(), password: password.input.value }), enter),
      h("p", { class: "row" },
        h("button", { type: "button", class: "quiet", text: "I forgot my password", onclick: () => address("/password-resets",
          "Send me a letter", "Sending…", "If there is an account with this address, a letter with a link is on its way. The link is good for an hour.") }),
        h("button", { type: "button", class: "quiet", text: "I am new here", onclick: () => address("/registrations",
          "Send me a letter", "Sending…", "A letter with a link is on its way. The link is good for a day.") })));
  }
  enterForm();
  return root;
}
