// Every word the desk says about a person's own account.

import { ago } from "../time.js";

export const METHOD = {
  link: "by the link of the terminal", twitch: "with Twitch", kick: "with Kick", google: "with Google",
  password: "with e-mail and password",
};

/** What the page before has done, by the word behind "#"; problems stand in pages/sign_in/words.js. */
export const DONE = {
  linked: ["Linked", "{name} is one of your ways to sign in now."],
};

/** A browser by what it calls itself: "Firefox on Linux". */
export function browserWords(agent) {
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(name));
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => agent.includes(name));
  const named = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser ?? "A browser";
  return system ? `${named} on ${system}` : named;
}

/** Where somebody is signed in: "signed in with Twitch, used 3 min ago". */
export function placeWords(place) {
  const used = place.current ? "this browser" : `used ${ago(Date.parse(place.last_seen_at))}`;
  return `signed in ${METHOD[place.method] ?? "here"}, ${used}`;
}

/** A linked account: "signed in by it 2 h ago". */
export function linkedWords(account) {
  return account.last_login_at ? `used to sign in ${ago(Date.parse(account.last_login_at))}` : "never used to sign in";
}
