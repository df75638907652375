// What a press does to the running poll. The answer is adopted at once; the live frame confirms it.

import { Problem } from "./problem.js";
import { cancellable, fromPoll, isOlder, nextAction, onlySimulated } from "./show.js";
import { serverNow, toMs } from "./time.js";

const DOING = {
  launch: "launch the poll", close: "close the poll", reveal: "reveal the result", next: "clear the stage",
  resolve: "decide the tie", cancel: "cancel the poll", extend: "extend the poll", undo: "bring the poll back",
};
const UNDO_MS = 10000;
/** A frame that was on its way when the poll was cancelled or dismissed must not bring it back. */
const GONE_MS = 2000;

export class Actions {
  constructor(store, api, toasts, announcer) {
    this.store = store;
    this.api = api;
    this.toasts = toasts;
    this.announcer = announcer;
    this.gone = new Map(); // poll id → until when its frames are ignored (performance.now)
    this.closeUndo = null;
    this.flight = null; // the last action sent; never rejects
  }

  next() {
    const { show, drafts, campaign, channels } = this.store.get();
    return nextAction(show, drafts, serverNow(), campaign, channels);
  }

  /** Does the one next thing. `expected` is the kind the person saw; if it changed meanwhile, nothing is done. */
  async doNext(expected) {
    const action = this.next();
    if (this.store.get().lastAction) return;
    if (expected && (expected.kind !== action.kind || expected.id !== action.id)) {
      this.tooSoon();
      return;
    }
    if (action.kind === "create") this.onCreate?.();
    else if (action.kind === "write") this.onWrite?.();
    else if (action.kind === "launch") await this.launch(action.id, false);
    else if (action.kind === "close") await this.send("close", action.id);
    else if (action.kind === "reveal") await this.send("reveal", action.id);
    else if (action.kind === "next") await this.dismiss(action.id);
  }

  /** The button changed its meaning under the finger: say so rather than do the other thing. */
  tooSoon() {
    this.toasts.note("The button had changed just then", "Your press did nothing. Look at it and press again.");
  }

  async launch(pollId, rehearse) {
    const madeUp = onlySimulated(this.store.get().channels);
    // A rehearsal plays a copy: the draft is still there for the show.
    const body = rehearse && !madeUp ? { simulated: true, keep_draft: true } : { simulated: madeUp };
    const done = await this.send("launch", pollId, "launch", body, [
      ["Try it simulated", () => this.launch(pollId, true)],
    ]);
    if (done?.warnings?.length) {
      this.toasts.warn("Launched, but not everybody takes part", done.warnings.join(" "), [["See who", () => this.onPeople?.()]]);
    }
    if (done?.id === pollId) {
      const drafts = (this.store.get().drafts ?? []).filter((draft) => draft.id !== pollId);
      this.store.set({ drafts });
      this.onListsChanged?.();
    }
    return done;
  }

  async dismiss(pollId) {
    if (await this.send("next", pollId, "dismiss")) this.leave(pollId);
  }

  async cancel() {
    const { show } = this.store.get();
    if (!cancellable(show)) return;
    const poll = await this.send("cancel", show.id);
    if (!poll) return;
    this.leave(show.id);
    this.offerUndo(poll);
  }

  /** Shows the undo bar of a cancelled poll while its ten seconds last. */
  offerUndo(poll) {
    const until = toMs(poll.undo_until) ?? serverNow() + UNDO_MS;
    if (until <= serverNow()) return;
    this.closeUndo?.();
    this.closeUndo = this.toasts.undo(`“${poll.question}” is cancelled`, until, () => this.undoCancel(poll.id));
  }

  async undoCancel(pollId) {
    this.gone.delete(pollId);
    await this.send("undo", pollId, "undo-cancel");
  }

  async resolve(winner) {
    // The tie may be on screen before the answer to "reveal" is here; a press in between must not be lost.
    await this.flight;
    const { show } = this.store.get();
    if (!show?.tiePending || !show.tied.includes(winner)) return false;
    await this.send("resolve", show.id, "resolve", { winner });
    return true;
  }

  async extend(seconds) {
    await this.flight;
    const { show } = this.store.get();
    if (show?.phase === "open") return this.send("extend", show.id, "extend", { seconds });
    return null;
  }

  /** POSTs one action; adopts the poll it answers. Null when it failed (the person has been told). */
  send(kind, pollId, verb = kind, body = {}, ways = []) {
    if (this.store.get().lastAction) return Promise.resolve(null);
    this.flight = this.deliver(kind, pollId, verb, body, ways);
    return this.flight;
  }

  async deliver(kind, pollId, verb, body, ways) {
    this.store.set({ lastAction: { kind, pollId } });
    try {
      const poll = await this.api.post(`/polls/${pollId}/${verb}`, body);
      this.store.set({ lastAction: null });
      if (kind === "undo") this.closeUndo?.();
      this.adopt(poll);
      return poll;
    } catch (error) {
      this.store.set({ lastAction: null });
      this.toasts.fail(error, DOING[kind], error instanceof Problem && kind === "launch" ? ways : []);
      // The server knows a state we don't: show it.
      if (error instanceof Problem) this.refresh(pollId);
      return null;
    }
  }

  async refresh(pollId) {
    try {
      this.adopt(await this.api.get(`/polls/${pollId}`));
    } catch {
      this.store.redraw(); // the failure of the action itself is already on screen
    }
  }

  adopt(poll) {
    const shown = this.store.get().show;
    const next = fromPoll(poll, serverNow());
    if (!next) {
      if (shown?.id === poll.id) this.store.set({ show: null });
      return;
    }
    if (isOlder(next, shown) || this.isGone(poll.id)) return;
    this.store.set({ show: next });
  }

  /** News from the live connection: the poll board's shape, or null when nothing is on stage. */
  adoptLive(next) {
    const shown = this.store.get().show;
    if (next && (this.isGone(next.id) || isOlder(next, shown))) return;
    this.store.set({ show: next });
  }

  leave(pollId) {
    this.gone.set(pollId, performance.now() + GONE_MS);
    if (this.store.get().show?.id === pollId) this.store.set({ show: null });
  }

  isGone(pollId) {
    const until = this.gone.get(pollId);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.gone.delete(pollId);
    return false;
  }
}
