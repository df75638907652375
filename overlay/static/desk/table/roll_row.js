// One roll in the log. What is secret says so, and its dice and total are not in the page before a click.

import { button, h, iconButton, setAttr, setData, setText, show as visible } from "../dom.js";
import { holdButton } from "../hold.js";
import { ago, clock, serverNow } from "../time.js";
import { diceRow, totalWords } from "./roll.js";
import { VISIBILITY, VTT, criticalWords, rollWhat } from "./words.js";

const CLOCK_AFTER_MS = 3600000;

/** `log`: reveal(roll), again(roll), proof(roll), owner(roll), uncovered (set of ids). */
export function rollRow(first, log) {
  let now = first;
  let written = "";
  const who = h("strong", { class: "name roll-who", dir: "auto" });
  const what = h("span", { class: "roll-what", dir: "auto" });
  const age = h("span", { class: "roll-age" });
  const total = h("b", { class: "roll-total" });
  const dice = h("span", { class: "dice-row" });
  const notation = h("span", { class: "roll-notation", dir: "ltr" });
  const uncover = button("Show value", "plain small roll-cover", () => log.cover(now, true));
  const cover = button("Hide again", "quiet small", () => log.cover(now, false));
  const tags = h("p", { class: "roll-tags" });
  const more = iconButton("more", "More", null, { "aria-expanded": "false" });
  const again = button("Show again", "plain small", () => log.again(now));
  const reveal = holdButton("Reveal on stream (hold)", "plain small", () => log.reveal(now));
  const owner = button("Whose is it?", "plain small", () => log.owner(now));
  const proof = button("Save proof", "plain small", () => log.proof(now));
  const tools = h("div", { class: "lamp-tools", hidden: true }, again, reveal, owner, proof, cover);
  more.addEventListener("click", () => more.setAttribute("aria-expanded", String(visible(tools, tools.hidden))));
  const root = h("li", { class: "roll" },
    h("div", { class: "roll-words" }, h("p", { class: "roll-line" }, who, what, age), h("p", { class: "roll-dice" }, notation, dice), tags),
    total, uncover, more, tools);

  return {
    root,
    update(next) {
      now = next;
      const isCovered = next.isSecret && !log.uncovered.has(next.id);
      setText(age, serverNow() - next.at < CLOCK_AFTER_MS ? ago(next.at) : clock(next.at));
      const look = JSON.stringify([next, isCovered]);
      if (look === written) return;
      written = look;
      setData(root, "secret", next.isSecret);
      setData(root, "critical", !isCovered && next.critical?.type);
      const name = next.character || next.player || "Somebody";
      setText(who, name);
      setText(what, rollWhat(next));
      // What is secret stays blurred in streamer-safe mode even after the click.
      for (const node of [total, dice, notation, what, tags]) node.classList.toggle("hush", next.isSecret);
      setText(notation, isCovered ? "" : next.notation);
      dice.replaceChildren(...(isCovered ? [] : diceRow(next)));
      setText(total, isCovered ? "" : totalWords(next));
      visible(total, !isCovered);
      visible(uncover, isCovered);
      visible(cover, next.isSecret && !isCovered);
      setAttr(uncover, "aria-label", `Show the value of the secret roll of ${name}`);
      tags.replaceChildren(...tagsOf(next, isCovered));
      visible(again, !next.isSecret && !next.pending);
      visible(reveal, next.isSecret);
      visible(owner, next.pending);
      visible(proof, Boolean(next.seal) && next.revealedAt !== null);
      setAttr(again, "aria-label", `Show the roll of ${name} on stream again`);
      setAttr(more, "aria-label", `More for the roll of ${name}`);
    },
  };
}

/** What is odd about a roll that could be made up: a note, and no proof of anything. */
const ANOMALY = {
  late: ["late", "It fell more than two minutes before it came: kept back, or out of a log."],
  out_of_order: ["out of order", "It says it fell before another roll of this table that came earlier."],
  repeated: ["repeated: no reward", "The same dice fell for the same player at the same instant, under another id."],
  changed: ["changed", "Its sender has changed the dice or the total since it first came."],
};

function tagsOf(roll, isCovered) {
  const tags = [];
  const tag = (tone, text, props = {}) => tags.push(h("span", { class: "tag", data: { tone }, text, ...props }));
  if (roll.isSecret) {
    const [sign, sentence] = VISIBILITY[roll.visibility] ?? VISIBILITY.gm_only;
    tag("secret", sign, { title: sentence });
  }
  if (roll.seal) {
    tag("seal", roll.revealedAt === null ? `sealed ${roll.seal.slice(0, 8)}` : `was sealed ${roll.seal.slice(0, 8)}`);
  } else if (roll.revealedAt !== null) tag("seal", "was secret, revealed");
  if (roll.critical && !isCovered) tag(roll.critical.type === "success" ? "good" : "bad", criticalWords(roll.critical));
  if (roll.mode !== "normal") tag("plain", roll.mode.replace("_", " "));
  if (roll.isTest) tag("sim", "test", { class: "tag sim" });
  if (roll.isForced) tag("plain", "ordered by Hubbub");
  if (roll.pending) tag("warn", "waits: whose is it?");
  if (roll.dismissed) tag("plain", "dismissed: counts for nobody");
  if (roll.inconsistencies.length) {
    tag("warn", isCovered ? "does not add up: no reward" : `does not add up: ${roll.inconsistencies.join("; ")}. No reward`);
  }
  for (const anomaly of roll.anomalies) tag("warn", ANOMALY[anomaly][0], { title: ANOMALY[anomaly][1] });
  if (!roll.verified && roll.system !== "manual") {
    tag("plain", "unverified", { title: `Sent by a browser (${VTT[roll.system] ?? roll.system}): a player could have made it up.` });
  }
  return tags;
}
