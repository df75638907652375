// Signing in by a code that is typed on another device: for a Hubbub that no provider can send a browser back to.

import { h, setText } from "../../desk/dom.js";
import { call, say, sentence, show } from "./page.js";

/** `back()` shows the ways again, `enter()` opens the desk. */
export async function deviceSignIn(provider, wants, back, enter) {
  say(`Sign in with ${provider.name}`, "Asking for a code…");
  show.panel();
  const begun = await call("POST", "/device-sign-ins", { provider: provider.provider, wants });
  const again = () => deviceSignIn(provider, wants, back, enter);
  const leave = h("button", { type: "button", class: "quiet", text: "Sign in another way", onclick: () => {
    stopped = true;
    back();
  } });
  let stopped = false;
  if (!begun.ok) {
    say(`Could not begin with ${provider.name}`, sentence(begun), "", again);
    show.panel(leave);
    return;
  }
  const state = h("p", { class: "hint", role: "status", text: "Waiting for you to confirm it there." });
  say(`Type this code at ${provider.name}`, "Open the page on any device on which you are signed in there.",
    "Only if you have just begun this yourself: whoever shows you a code gets in as you.");
  show.panel(
    h("p", { class: "code", "aria-label": `Code ${begun.body.user_code.split("").join(" ")}`, text: begun.body.user_code }),
    h("p", {}, h("a", { class: "button", href: begun.body.verification_uri, target: "_blank", rel: "noopener noreferrer",
      text: `Open ${provider.name}` })),
    state, leave);
  const ends = Date.now() + begun.body.expires_in_s * 1000;
  while (!stopped && Date.now() < ends) {
    await new Promise((done) => setTimeout(done, begun.body.interval_s * 1000));
    if (stopped) return;
    const answer = await call("POST", `/device-sign-ins/${begun.body.id}/check`);
    if (answer.ok && answer.body.state === "signed_in") {
      say("Opening the desk…", "You are signed in.");
      enter();
      return;
    }
    if (answer.ok) setText(state, "Waiting for you to confirm it there.");
    else if (answer.status === 0 || answer.status >= 500) setText(state, sentence(answer));
    else {
      say("This code has ended", sentence(answer), "", again);
      show.panel(leave);
      return;
    }
  }
  if (stopped) return;
  say("This code has ended", "Nobody has confirmed it in time.", "", again);
  show.panel(leave);
}
