// What a poll consists of before its launch: limits, defaults, checks, and copying from a draft or template.

export const LIMITS = { question: 120, option: 80, optionsMin: 2, optionsMax: 10, durationMin: 10, durationMax: 3600 };

/** What a poll of Twitch's own can be (server/rules/native_poll.py). */
export const NATIVE_LIMITS = { question: 60, option: 25, options: 5, durationMin: 15, durationMax: 1800 };

/** Everything but question, options and length; the defaults of the API. */
export const DEFAULTS = {
  rule: "one_vote", changeable: true, tie: "gm", secret: false, grace_s: null, words: "exact", weighting: "sum",
  cap_percent: 50, hold_s: 8, auto_reveal_s: null, native: "off", points_per_vote: 100,
};

export const DURATIONS = [30, 60, 120, 300];

/** An empty poll as the composer starts with. */
export function blank() {
  return { question: "", options: ["", ""], duration_s: 60, ...DEFAULTS };
}

/** The body that makes the same poll again, from a draft or a past poll. */
export function bodyOf(poll) {
  const body = { question: poll.question, duration_s: poll.duration_s };
  body.options = poll.options.map((option) => (typeof option === "string" ? option : option.label));
  for (const name of Object.keys(DEFAULTS)) {
    if (poll[name] !== undefined) body[name] = poll[name];
  }
  return body;
}

/** A template → a body; its `settings` hold what differs from the defaults. */
export function fromTemplate(template) {
  const known = Object.keys(DEFAULTS);
  const settings = Object.entries(template.settings ?? {}).filter(([name]) => known.includes(name));
  return {
    ...blank(), ...Object.fromEntries(settings),
    question: template.question, options: template.options.slice(), duration_s: template.duration_s,
  };
}

/** A body → what a template stores. */
export function toTemplate(label, body) {
  const settings = {};
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (body[name] !== undefined && body[name] !== usual) settings[name] = body[name];
  }
  return { label, question: body.question, options: body.options, duration_s: body.duration_s, settings };
}

/** Length as the server counts it: code points, not UTF-16 halves. */
export function lengthOf(text) {
  return [...text].length;
}

/**
 * What is wrong with a body, by field: `{question, options: [..], duration, …}`; empty when it can be sent.
 * `warning` does not stop it.
 */
export function check(body) {
  const wrong = {};
  const question = lengthOf(body.question);
  if (question === 0) wrong.question = "Write the question.";
  else if (question > LIMITS.question) wrong.question = `${question - LIMITS.question} characters too long.`;
  const long = body.options.map((option) => lengthOf(option) - LIMITS.option);
  if (long.some((over) => over > 0)) wrong.option = `Option ${long.findIndex((over) => over > 0) + 1} is too long.`;
  if (body.options.length < LIMITS.optionsMin) wrong.options = "Write at least two options.";
  whole(wrong, "duration_s", body.duration_s, LIMITS.durationMin, LIMITS.durationMax);
  whole(wrong, "hold_s", body.hold_s, 3, 600);
  whole(wrong, "cap_percent", body.cap_percent, 1, 100);
  if (body.grace_s !== null) whole(wrong, "grace_s", body.grace_s, 0, 60);
  if (body.native === "points") whole(wrong, "points_per_vote", body.points_per_vote, 1, 1_000_000);
  const unfit = unfitForTwitch(body);
  if (unfit) wrong.native = unfit;
  if (body.auto_reveal_s !== null) whole(wrong, "auto_reveal_s", body.auto_reveal_s, 0, 600);
  return wrong;
}

function whole(wrong, name, value, low, high) {
  if (!Number.isInteger(value) || value < low || value > high) wrong[name] = `A whole number from ${low} to ${high}.`;
}

/** Why Twitch would not take it as a poll of its own, in words; "" when it would, or is not asked. */
export function unfitForTwitch(body) {
  if (body.native === "off") return "";
  const found = [];
  const question = lengthOf(body.question) - NATIVE_LIMITS.question;
  if (question > 0) found.push(`the question is ${question} characters too long`);
  if (body.options.length > NATIVE_LIMITS.options) found.push(`it takes ${NATIVE_LIMITS.options} options at most`);
  const long = body.options.findIndex((option) => lengthOf(option) > NATIVE_LIMITS.option);
  if (long >= 0) found.push(`option ${long + 1} has more than ${NATIVE_LIMITS.option} characters`);
  if (body.duration_s < NATIVE_LIMITS.durationMin || body.duration_s > NATIVE_LIMITS.durationMax) {
    found.push("it runs for 15 seconds to 30 minutes");
  }
  return found.length ? `Twitch does not take this: ${found.join("; ")}.` : "";
}

/** Two options that read the same confuse chat; the server allows it, so this only warns. */
export function sameOptions(options) {
  const seen = new Map();
  for (let i = 0; i < options.length; i += 1) {
    const key = options[i].toLocaleLowerCase();
    if (seen.has(key)) return `Options ${seen.get(key)} and ${i + 1} read the same: chat can only vote by number.`;
    seen.set(key, i + 1);
  }
  return "";
}
