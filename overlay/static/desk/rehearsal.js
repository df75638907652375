// "Try it simulated" from anywhere: a made-up crowd votes on the next draft, or on a ready-made one.

import { DEFAULTS, fromTemplate } from "./settings.js";

const READY_MADE = {
  question: "Which door do they take?", options: ["The iron one", "The one that hums", "Knock first"], duration_s: 30,
};

export class Rehearsal {
  constructor(store, rundown, toasts) {
    Object.assign(this, { store, rundown, toasts });
  }

  async start() {
    if (this.running) return;
    this.running = true;
    try {
      const { drafts, show } = this.store.get();
      // Never write a draft that could not be launched anyway.
      const draft = drafts?.[0] ?? (show ? null : await this.rundown.create(this.readyMade()));
      if (draft) this.rundown.tryLaunch(draft, true);
      else this.toasts.note("One poll at a time", "A poll is on stage already. Try again when it is done.");
    } catch (error) {
      this.toasts.fail(error, "prepare a rehearsal");
    } finally {
      this.running = false;
    }
  }

  /** A short three-way question: long enough to see the crowd, short enough to watch to the end. */
  readyMade() {
    const template = this.store.get().templates?.find((item) => item.options.length === 3);
    return template ? { ...fromTemplate(template), duration_s: 30 } : { ...DEFAULTS, ...READY_MADE };
  }
}
