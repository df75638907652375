// Signing in. What is secret (a one-time code, the code of a letter) stands in the address after "#", where no server
// log and no proxy sees it; words from a provider's answer come the same way.

import { confirmAddress, makeAccount, newPassword } from "./sign_in/letter.js";
import { call, say, show } from "./sign_in/page.js";
import { showWays } from "./sign_in/ways.js";
import { PROBLEMS, wordsOf } from "./sign_in/words.js";

const NEW_LINK = "Go to the terminal where Hubbub runs, run “hubbub link”, and open what it prints.";

const given = new URLSearchParams(location.hash.slice(1));
const query = new URLSearchParams(location.search);
// Out of the address bar and the history at once: the desk may be on stream.
history.replaceState(null, "", location.pathname + location.search);

/** Where to go afterwards: a page of ours; the server looks again. */
function home() {
  const wanted = location.pathname === "/login" ? query.get("return_to") : location.pathname + location.search;
  if (!wanted || !/^\/[A-Za-z0-9_.~-]/.test(wanted) || wanted.startsWith("/login")) return "/desk";
  return wanted;
}

function enter() {
  // Behind "#" nothing changes the page that is loaded, so the desk is asked for anew.
  if (home() === location.pathname + location.search) location.reload();
  else location.replace(home());
}

/** Somebody who is signed in already (the link opened twice) just goes on. */
async function signedIn() {
  return (await call("GET", "/session")).ok;
}

/** What there is besides the link of the terminal; nothing when nobody answers. */
async function offer() {
  const answer = await call("GET", "/sign-in");
  const ways = answer.ok ? answer.body : { providers: [], email: false };
  const some = ways.providers.length > 0 || ways.email;
  if (some) showWays(ways, home(), enter);
  return { some, answered: answer.status !== 0 };
}

/** Opens the desk with the link of the terminal. */
async function useLink(code) {
  say("Opening the desk…", "Checking the link you opened.");
  const answer = await call("POST", "/session", { code });
  if (answer.ok || (await signedIn())) {
    enter();
    return;
  }
  const again = () => useLink(code);
  if (answer.status === 0) say("Hubbub does not answer", "The link is still good. See whether Hubbub runs, then try again.", "", again);
  else if (answer.status === 429) say("Too many tries", "Wait a minute, then try again.", "", again);
  else if (answer.status >= 500) say("Hubbub has a problem just now", "The link is still good. Wait a moment, then try again.", "", again);
  else {
    say("This link no longer works", `It was used already, or it is too old. ${NEW_LINK}`,
      "Each link opens the desk once. A running show is not affected.");
    await offer();
  }
}

/** Without a link: what is offered here, or how to get one. */
async function choose(word, provider) {
  const again = () => choose(word, provider);
  const inside = await signedIn();
  if (inside && !word && !query.has("again")) {
    enter();
    return;
  }
  const { some, answered } = await offer();
  if (!answered) {
    say("Hubbub does not answer", "See whether Hubbub runs, then try again.", "A running show is not affected.", again);
  } else if (word) {
    const { title, text } = wordsOf(word, provider);
    say(title, text, inside ? "You are signed in as before." : "A running show is not affected.");
    if (inside) show.link(home(), "Go to the desk");
  } else if (some) {
    say("Sign in", inside ? "You are signed in. Sign in again to confirm that it is you." : "Choose how.",
      "Whoever runs Hubbub may also open the link that its terminal printed.");
  } else {
    say("You need the link from the terminal", NEW_LINK, "A running show is not affected.");
  }
}

addEventListener("hashchange", () => location.reload());
if (given.get("code")) useLink(given.get("code"));
else if (given.get("register")) makeAccount(given.get("register"), enter);
else if (given.get("reset")) newPassword(given.get("reset"), enter);
else if (given.get("confirm")) confirmAddress(given.get("confirm"));
else choose(given.get("sign-in") in PROBLEMS ? given.get("sign-in") : "", given.get("provider"));
