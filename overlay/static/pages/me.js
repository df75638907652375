// A viewer's page: sign in to both accounts, and they are one person with one vote. No desk, no rights, no channel.

import { h } from "../desk/dom.js";
import { field, form } from "./sign_in/form.js";
import { call, say, sentence, show } from "./sign_in/page.js";
import { PROBLEMS, PROVIDER, wordsOf } from "./sign_in/words.js";

const HERE = "/me";
const WHY = "In polls that count people, your Twitch and your Kick account have one vote together: the latest that you cast.";
const SEEN = "The hosts and moderators of a show in which you vote with both can see that they are one person. An export of the poll "
  + "says only that two votes were one person's. Unlink them whenever you like; a poll that is over stays as it was.";

const given = new URLSearchParams(location.hash.slice(1));
const word = given.get("sign-in");
const provider = given.get("provider");
history.replaceState(null, "", location.pathname);

let csrf = "";

/** What is the case, and what can be done. `told`: a title and a text about what has just happened. */
async function load(told = null) {
  const again = () => load(told);
  const session = await call("GET", "/session");
  if (session.status === 401) {
    await signIn(told, again);
    return;
  }
  csrf = session.ok ? session.body.csrf : "";
  const person = session.ok ? await call("GET", "/account/person") : session;
  if (person.ok) draw(person.body, told);
  else say("Could not read your accounts", sentence(person), "", again);
}

async function signIn(told, again) {
  const answer = await call("GET", "/sign-in");
  if (!answer.ok) {
    say("One person, one vote", sentence(answer), "", again);
    return;
  }
  const ways = answer.body.providers.filter((one) => one.code && one.provider in { twitch: 1, kick: 1 });
  if (ways.length === 0) {
    say("Not here", "This Hubbub has no sign-in with Twitch or Kick, so accounts cannot be linked.");
    return;
  }
  const [title, text] = told ?? ["Two accounts? One vote", `${WHY} Sign in with one of them to begin.`];
  say(title, text, told ? "" : "We ask who you are, and for nothing else: no password, no access to your account.");
  show.panel(h("div", { class: "way" }, ways.map((one) => h("a", {
    class: "button", text: `Sign in with ${one.name}`,
    href: `/auth/${one.provider}/start?${new URLSearchParams({ wants: "identity", return_to: HERE })}`,
  }))));
}

function draw(person, told) {
  const names = person.accounts.map((one) => PROVIDER[one.platform]);
  let [title, text] = told ?? [];
  if (!told && person.is_one) [title, text] = ["You are one person", `${names.join(" and ")} have one vote together.`];
  else if (!told && person.can_join) [title, text] = ["These are two viewers", WHY];
  else if (!told) [title, text] = [person.accounts.length ? "One account so far" : "Which accounts are yours?", WHY];
  say(title, text, SEEN);
  const list = h("ul", { class: "accounts", "aria-label": "Your accounts", "data-one": person.is_one },
    person.accounts.map(account), person.can_sign_in.map(missing));
  const acts = h("div", { class: "acts" });
  if (person.is_one) acts.append(act("Unlink them", "second", () => unlink()));
  else if (person.can_join) {
    acts.append(act(person.undo_until ? "Undo: they are one person" : "They are one person", null, () => join(person.undo_until)));
  }
  const nothing = person.accounts.length < 2 && person.can_sign_in.length === 0
    && h("p", { class: "hint", text: "This Hubbub has no sign-in for another platform." });
  show.panel(...[list, acts.childElementCount > 0 && acts, nothing, foot()].filter(Boolean));
}

function account(one) {
  return h("li", { class: "account" },
    h("span", { class: "sign", "aria-hidden": "true", text: PROVIDER[one.platform][0] }),
    h("strong", { dir: "auto", text: one.name }),
    h("span", { class: "where", text: PROVIDER[one.platform] + (one.signs_in ? "" : ", with a sign-in of its own") }));
}

function missing(platform) {
  const name = PROVIDER[platform];
  return h("li", { class: "account", "data-empty": true },
    h("span", { class: "sign", "aria-hidden": "true", text: name[0] }),
    h("strong", { text: `Your ${name} account` }),
    h("span", { class: "where", text: "Sign in to show that it is yours" }),
    act(`Sign in with ${name}`, null, () => add(platform)));
}

/** A button that is busy until what it does is done; a second press meanwhile does nothing. */
function act(label, kind, run) {
  const made = h("button", { type: "button", class: kind, text: label, onclick: async () => {
    if (made.disabled) return;
    made.disabled = true;
    await run();
    made.disabled = false;
  } });
  return made;
}

async function add(platform) {
  const answer = await call("POST", `/account/accounts/${platform}`, { wants: "person", return_to: HERE }, csrf);
  if (answer.ok) location.assign(answer.body.url);
  else say(`Could not begin with ${PROVIDER[platform]}`, sentence(answer));
}

async function join(isUndo) {
  const answer = await call("POST", "/account/person", {}, csrf);
  if (answer.ok) draw(answer.body, isUndo ? ["One person again", "Nothing is lost: your votes count together as before."] : null);
  else say("Not linked", sentence(answer));
}

async function unlink() {
  const answer = await call("DELETE", "/account/person", {}, csrf);
  if (answer.ok || answer.status === 404) await load(["Unlinked", "From now on each account has a vote of its own. You can undo this for a day."]);
  else say("Not unlinked", sentence(answer));
}

/** A copy, an end of this sign-in, an end of everything. */
function foot() {
  const typed = field("Type “erase” to delete everything about you", "text", { autocomplete: "off", autocapitalize: "none", maxlength: 10 },
    "Names, links and sign-ins are gone at once; votes stay without you. This cannot be undone.");
  const leave = h("details", {}, h("summary", { text: "Leave for good" }), form([typed], "Delete everything", "Deleting…",
    () => call("POST", "/account/erase", { confirm: typed.input.value.trim().toLowerCase() }, csrf),
    () => load(["You have left", "Nothing here names you any more."])));
  return h("div", { class: "foot" },
    h("div", { class: "acts" },
      h("a", { class: "button second", href: "/api/v1/account/export", download: "hubbub-account.json", text: "A copy of what is kept" }),
      act("Sign out", "second", async () => {
        await call("DELETE", "/session", {}, csrf);
        await load(["Signed out", "Your accounts stay as they are."]);
      })),
    leave);
}

/** What the answer of a platform came to. */
function outcome() {
  if (word === "linked") return null;
  if (!(word in PROBLEMS)) return null;
  const { title, text } = wordsOf(word, provider);
  return [title, text];
}

addEventListener("hashchange", () => location.reload());
load(outcome());
