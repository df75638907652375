// Signing in: the one-time code stands in the address after "#", where no server log and no proxy sees it.

const title = document.getElementById("title");
const text = document.getElementById("text");
const more = document.getElementById("more");
const again = document.getElementById("again");

const NEW_LINK = "Go to the terminal where Hubbub runs, run “hubbub link”, and open what it prints.";

const code = new URLSearchParams(location.hash.slice(1)).get("code");
// Out of the address bar and the history at once: the desk may be on stream.
history.replaceState(null, "", location.pathname);

function say(heading, words, hint = "", retry = false) {
  title.textContent = heading;
  text.textContent = words;
  more.textContent = hint;
  more.hidden = hint === "";
  again.hidden = !retry;
}

/** Somebody who is signed in already (the link opened twice) just goes on. */
async function signedIn() {
  try {
    return (await fetch("/api/v1/session", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

async function signIn() {
  say("Opening the desk…", "Checking the link you opened.");
  let response;
  try {
    response = await fetch("/api/v1/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }), cache: "no-store",
    });
  } catch {
    say("Hubbub does not answer", "The link is still good. See whether Hubbub runs, then try again.", "", true);
    return;
  }
  if (response.ok || (await signedIn())) {
    location.replace("/desk");
    return;
  }
  if (response.status === 429) {
    say("Too many tries", "Wait a minute, then try again.", "", true);
    return;
  }
  if (response.status >= 500) {
    say("Hubbub has a problem just now", "The link is still good. Wait a moment, then try again.", "", true);
    return;
  }
  say("This link no longer works", `It was used already, or it is too old. ${NEW_LINK}`,
    "Each link opens the desk once. A running show is not affected.");
}

again.addEventListener("click", signIn);
addEventListener("hashchange", () => location.reload());
if (code) signIn();
else if (await signedIn()) location.replace("/desk");
else say("You need the link from the terminal", NEW_LINK, "A running show is not affected.");
