// What the login page and the desk say about providers and their answers. One place, so that they agree.

export const PROVIDER = { twitch: "Twitch", kick: "Kick", google: "Google" };

/** Word of the server → title and text; `{name}` is the provider. */
export const PROBLEMS = {
  denied: ["You did not agree at {name}", "Nothing was changed. Try again, or sign in another way."],
  expired: ["This way has ended", "It took longer than ten minutes, or its answer was used already. Begin again."],
  mixed_up: ["The answer came from somebody else", "It was meant for another provider than {name}, so it was not used. Begin again."],
  other_browser: ["This began in another browser", "An answer is taken only in the browser in which you began. Begin again here."],
  refused: ["{name} did not accept it", "The code in its answer was not good any more, or was not meant for us. Begin again."],
  misconfigured: ["{name} does not know this Hubbub", "Its client id or secret is not accepted. Whoever runs Hubbub has to look at that."],
  away: ["{name} does not answer", "Nothing was changed. Try again in a moment."],
  too_many: ["Too many tries", "Wait a minute, then try again."],
  database: ["Hubbub has a problem just now", "Nothing was changed. Wait a moment, then try again."],
  begin_here: ["Sign in from this page", "Another site wanted to begin it for you. If that was you, go on below."],
  taken: ["That account belongs to somebody else here", "Sign in with it, and unlink it there first. Nothing was changed."],
  other_linked: ["Another {name} account is linked already", "Unlink that one first. Nothing was changed."],
  other_person: ["One of the two is linked to a third account", "Unlink it on this page first, signed in with that one. Nothing was changed."],
  signed_out: ["You were signed out meanwhile", "Nothing was changed. Sign in, and link the account again."],
};

/** A problem in words. The provider's name is ours, never what stood in the address. */
export function wordsOf(word, provider) {
  const [title, text] = PROBLEMS[word];
  const name = PROVIDER[provider] ?? "The provider";
  return { title: title.replace("{name}", name), text: text.replace("{name}", name) };
}
