// What the links in letters lead to: an account, a new password, an address that is confirmed.

import { field, form, passwordField } from "./form.js";
import { call, say, sentence, show } from "./page.js";

const RULES = "8 to 128 characters. A few words that do not belong together are good.";

/** The mailbox is proven by this link: only now a name and a password are chosen. */
export function makeAccount(code, enter) {
  say("Make your account", "Choose a name and a password.");
  const name = field("Name", "text", { autocomplete: "nickname", maxlength: 64 }, "As others in a show see it.");
  const password = passwordField("Password", "new-password", RULES);
  show.panel(form([name, password], "Make the account", "Making it…",
    () => call("POST", "/accounts", { code, name: name.input.value, password: password.input.value }), enter));
  name.input.focus();
}

/** Ends all other sign-ins. */
export function newPassword(code, enter) {
  say("Choose a new password", "All other sign-ins of yours end with that.");
  const password = passwordField("New password", "new-password", RULES);
  show.panel(form([password], "Save it and sign in", "Saving…",
    () => call("POST", "/passwords", { code, password: password.input.value }), enter));
  password.input.focus();
}

/** In the browser in which the person is signed in, since the letter alone must not do it. */
export async function confirmAddress(code) {
  say("Confirming your address…", "One moment.");
  const session = await call("GET", "/session");
  if (session.status === 401) {
    say("Sign in first", "Then open the link in the letter again, in the same browser. It is still good.");
    show.link("/login", "Sign in");
    return;
  }
  const answer = session.ok ? await call("POST", "/account/email/confirm", { code }, session.body.csrf) : session;
  if (answer.ok) {
    say("Your address is confirmed", `From now on ${answer.body.email} belongs to your account.`);
    show.link("/desk", "Go to the desk");
  } else {
    const unsure = answer.status === 0 || answer.status >= 500;
    say("Not confirmed", sentence(answer), "", unsure ? () => confirmAddress(code) : null);
  }
}
