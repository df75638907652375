// Writing a poll: the question, its options and its length first, everything else under "More".

import { Dialog } from "./dialog.js";
import { button, h, setAttr, setText, show as visible } from "./dom.js";
import { Choice, Switch, Whole } from "./fields.js";
import { OptionFields } from "./options.js";
import {
  DEFAULTS, DURATIONS, LIMITS, blank, bodyOf, check, fromTemplate, lengthOf, sameOptions,
} from "./settings.js";
import { Starters } from "./templates.js";
import { lengthWords } from "./time.js";
import { NATIVES, RULES, TIES, WEIGHTINGS, WORDS, failure } from "./words.js";

const KEPT = "hubbub.composer"; // what was typed and not saved survives a closed dialog and a reload

export class Composer {
  constructor(store, rundown, actions, templates, toasts) {
    Object.assign(this, { store, rundown, actions, templates, toasts });
    this.build();
  }

  build() {
    const changed = () => this.refresh();
    this.dialog = new Dialog("New poll", { wide: true, onclose: () => this.keep() });
    this.starters = new Starters(this.templates, (template) => this.fill(fromTemplate(template)));
    this.question = h("textarea", { id: "composer-question", rows: 2, autocomplete: "off", dir: "auto",
      enterkeyhint: "next", placeholder: "Which door do they take?", "aria-describedby": "composer-question-note",
      oninput: changed, onkeydown: (event) => this.questionKey(event) });
    this.questionNote = h("p", { class: "help", id: "composer-question-note" });
    this.options = new OptionFields(changed, () => this.saveButton.focus());
    this.optionsNote = h("p", { class: "help", role: "status" });
    const lengths = [...DURATIONS.map((s) => [s, lengthWords(s)]), ["custom", "Other"]];
    this.length = new Choice("How long", lengths, changed);
    this.custom = new Whole("Other length", "seconds", LIMITS.durationMin, LIMITS.durationMax, changed);
    this.secret = new Switch("Secret ballot", "Nobody sees figures before the reveal, you neither.", changed);
    this.buildMore(changed);
    this.trouble = h("p", { class: "wrong", role: "alert" });
    this.dialog.body.append(this.starters.root,
      h("div", { class: "line" }, h("label", { for: "composer-question", text: "Question" }), this.question, this.questionNote),
      h("fieldset", { class: "line" }, h("legend", { text: "Options" }), this.options.root, this.optionsNote),
      this.length.root, this.custom.root, this.secret.root, this.more, this.trouble);
    this.saveButton = button("Save", "accent", () => this.finish("save"));
    this.saveButton.append(h("kbd", { text: "Ctrl ⏎", "aria-hidden": "true" }));
    this.launchButton = button("Launch now", "plain", () => this.finish("launch"));
    this.tryButton = button("Try it simulated", "plain", () => this.finish("simulate"));
    this.templateButton = button("Save as template", "quiet", () => this.saveTemplate());
    this.dialog.foot.append(this.saveButton, this.launchButton, this.tryButton, h("span", { class: "spring" }), this.templateButton);
    this.dialog.root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.finish("save");
      }
    });
  }

  buildMore(changed) {
    const pairs = (words) => Object.entries(words).map(([value, [label, help]]) => [value, label, help]);
    this.rule = new Choice("Who counts", [
      ["one_vote", RULES.one_vote, "The latest valid vote of each viewer."],
      ["every_message", RULES.every_message, "Shouting matches: the same viewer counts again with every line."],
    ], changed);
    this.changeable = new Switch("Viewers may change their mind", "Until the poll closes.", changed);
    this.tie = new Choice("On a tie", pairs(TIES), changed);
    this.words = new Choice("How chat votes", pairs(WORDS), changed);
    this.weighting = new Choice("Several channels", pairs(WEIGHTINGS), changed);
    this.cap = new Whole("Cap for one channel", "%", 1, 100, changed);
    this.native = new Choice("Twitch's own poll", pairs(NATIVES), changed);
    this.nativeNote = h("p", { class: "wrong", role: "status" });
    this.points = new Whole("Channel points for a vote", "points", 1, 1_000_000, changed);
    this.grace = new Whole("Wait for late votes", "seconds", 0, 60, changed,
      { optional: "automatic", help: "Chat lags: lines sent in time may arrive later. Automatic is 3 s, 15 s with Kick." });
    this.hold = new Whole("Show the result for", "seconds", 3, 600, changed);
    this.reveal = new Whole("Reveal by itself after", "seconds", 0, 600, changed,
      { optional: "I reveal", help: "Empty: the result waits until you press Reveal." });
    this.moreWords = h("span", { class: "more-words" });
    this.more = h("details", { class: "more" }, h("summary", {}, "More: rules, ties, timing ", this.moreWords),
      this.rule.root, this.changeable.root, this.tie.root, this.words.root, this.weighting.root, this.cap.root,
      this.native.root, this.points.root, this.nativeNote,
      h("div", { class: "wholes" }, this.grace.root, this.hold.root, this.reveal.root));
  }

  /** `{draft}` edits one, `{template}` starts from one, neither: what was kept, or a blank. */
  open({ draft = null, template = null } = {}) {
    this.draft = draft;
    this.saved = false;
    setText(this.dialog.title, draft ? "Edit poll" : "New poll");
    setText(this.saveButton.firstChild, "Save");
    setAttr(this.dialog.root, "data-editing", Boolean(draft));
    this.starters.load();
    this.more.open = false;
    this.setTrouble("");
    if (draft) this.fill(bodyOf(draft));
    else if (template) this.fill(fromTemplate(template));
    else this.fill(kept() ?? blank());
    this.dialog.open(this.question);
  }

  fill(body) {
    this.question.value = body.question;
    this.options.set(body.options);
    const preset = DURATIONS.includes(body.duration_s);
    this.length.value = preset ? body.duration_s : "custom";
    this.custom.value = body.duration_s;
    const settings = { ...DEFAULTS, ...body };
    this.secret.value = settings.secret;
    this.rule.value = settings.rule;
    this.changeable.value = settings.changeable;
    this.tie.value = settings.tie;
    this.words.value = settings.words;
    this.weighting.value = settings.weighting;
    this.cap.value = settings.cap_percent;
    this.native.value = settings.native;
    this.points.value = settings.points_per_vote;
    this.grace.value = settings.grace_s;
    this.hold.value = settings.hold_s;
    this.reveal.value = settings.auto_reveal_s;
    this.refresh();
  }

  body() {
    return {
      question: this.question.value.replace(/\s+/g, " ").trim(),
      options: this.options.values(),
      duration_s: this.length.value === "custom" ? this.custom.value : this.length.value,
      rule: this.rule.value, changeable: this.changeable.value, tie: this.tie.value, secret: this.secret.value,
      grace_s: this.grace.value, words: this.words.value, weighting: this.weighting.value,
      cap_percent: this.weighting.value === "capped" ? this.cap.value : DEFAULTS.cap_percent,
      hold_s: this.hold.value, auto_reveal_s: this.reveal.value,
      native: this.native.value,
      points_per_vote: this.native.value === "points" ? this.points.value : DEFAULTS.points_per_vote,
    };
  }

  /** Live validation: notes beside the fields, the buttons stay pressable and say what is missing. */
  refresh() {
    if (!this.reveal || !this.saveButton) return; // still building
    const body = this.body();
    const wrong = check(body);
    const over = lengthOf(body.question) - LIMITS.question;
    setText(this.questionNote, over > 0 ? wrong.question : over > -40 ? `${-over} characters left` : "Up to two lines on stream.");
    setData(this.questionNote, over > 0);
    setAttr(this.question, "aria-invalid", over > 0 ? "true" : null);
    const same = sameOptions(body.options);
    setText(this.optionsNote, wrong.option ?? (same || "Enter goes to the next option. A pasted list fills them all."));
    setData(this.optionsNote, Boolean(wrong.option || same));
    visible(this.custom.root, this.length.value === "custom");
    visible(this.cap.root, body.weighting === "capped");
    visible(this.changeable.root, body.rule === "one_vote");
    // With one channel all weightings are the same: one choice less to read.
    visible(this.weighting.root, (this.store.get().channels?.length ?? 0) > 1 || body.weighting !== "sum");
    const onTwitch = (this.store.get().channels ?? []).some((channel) => channel.platform === "twitch");
    visible(this.native.root, onTwitch || body.native !== "off");
    visible(this.points.root, body.native === "points");
    setText(this.nativeNote, wrong.native ?? "");
    visible(this.nativeNote, wrong.native);
    this.points.complain(wrong.points_per_vote);
    this.custom.complain(wrong.duration_s);
    this.cap.complain(wrong.cap_percent);
    this.grace.complain(wrong.grace_s);
    this.hold.complain(wrong.hold_s);
    this.reveal.complain(wrong.auto_reveal_s);
    const changed = Object.keys(DEFAULTS).filter((name) => name !== "secret" && body[name] !== DEFAULTS[name]).length;
    setText(this.moreWords, changed ? `(${changed} changed)` : "");
    if (Object.keys(wrong).length === 0) this.setTrouble("");
  }

  questionKey(event) {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.options.fields[0].input.focus();
  }

  /** Says what is missing and puts the cursor there; true when the poll can be sent. */
  ready(body) {
    const wrong = check(body);
    const first = Object.keys(wrong)[0];
    if (!first) return true;
    this.setTrouble(wrong[first]);
    if (first === "question") this.question.focus();
    else if (first.startsWith("option")) {
      const empty = this.options.fields.find((field) => field.input.value.trim() === "") ?? this.options.fields[0];
      empty.input.focus();
    } else {
      this.more.open = true;
      this.dialog.body.querySelector("input[aria-invalid=true]")?.focus();
    }
    return false;
  }

  async finish(how) {
    const body = this.body();
    if (this.busy || !this.ready(body)) return;
    this.setBusy(true);
    try {
      const draft = this.draft ? await this.rundown.save(this.draft, body) : await this.rundown.create(body);
      this.saved = true;
      forget();
      this.dialog.close();
      if (how === "save") this.toasts.note(this.draft ? "Saved" : "Added to the rundown", "");
      else this.rundown.tryLaunch(draft, how === "simulate");
    } catch (error) {
      const { title, text } = failure(error, "save the poll");
      this.setTrouble(`${title}. ${text} What you typed is still here.`);
    } finally {
      this.setBusy(false);
    }
  }

  async saveTemplate() {
    const body = this.body();
    if (this.busy || !this.ready(body)) return;
    this.setBusy(true);
    try {
      await this.templates.save(body);
      this.toasts.note("Saved as a template", `“${body.question}” is among the starting points from now on.`);
    } catch (error) {
      const { title, text } = failure(error, "save the template");
      this.setTrouble(`${title}. ${text}`);
    } finally {
      this.setBusy(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    setAttr(this.dialog.foot, "data-busy", busy);
    setText(this.saveButton.firstChild, busy ? "Saving…" : "Save");
  }

  setTrouble(text) {
    setText(this.trouble, text);
    visible(this.trouble, text !== "");
  }

  /** Closed without saving: keep a new poll's text for the next time. */
  keep() {
    if (this.saved || this.draft) return;
    const body = this.body();
    if (body.question === "" && body.options.length === 0) forget();
    else {
      sessionStorage.setItem(KEPT, JSON.stringify(body));
      this.toasts.note("Not saved, but kept", "What you typed is there when you press New poll again.");
    }
  }
}

function setData(node, bad) {
  setAttr(node, "data-bad", bad);
}

function kept() {
  const text = sessionStorage.getItem(KEPT);
  if (!text) return null;
  const body = JSON.parse(text);
  return { ...blank(), ...body, duration_s: Number.isInteger(body.duration_s) ? body.duration_s : 60 };
}

function forget() {
  sessionStorage.removeItem(KEPT);
}
