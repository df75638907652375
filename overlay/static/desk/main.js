// Puts the desk together: reads who we are, builds the zones, starts the live link.

import { Account } from "./account/account.js";
import { Actions } from "./actions.js";
import { Announcer } from "./announce.js";
import { Api } from "./api.js";
import { Campaigns } from "./campaigns.js";
import { Channels } from "./channels.js";
import { Composer } from "./composer.js";
import { Dialog } from "./dialog.js";
import { h } from "./dom.js";
import { frame, gate } from "./frame.js";
import { Health } from "./health.js";
import { History } from "./history.js";
import { Keys } from "./keys.js";
import { Link } from "./link.js";
import { Next } from "./next.js";
import { Now } from "./now.js";
import { Overlays } from "./overlays.js";
import { Persons } from "./persons.js";
import { Problem } from "./problem.js";
import { Fixes } from "./people/fixes.js";
import { EMPTY as NOBODY } from "./people/empty.js";
import { People } from "./people/zone.js";
import { Pulse } from "./pulse.js";
import { Rehearsal } from "./rehearsal.js";
import { Rundown } from "./rundown.js";
import { Rundowns } from "./rundowns.js";
import { Safe, followOtherTabs } from "./safe.js";
import { Store } from "./state.js";
import { Strip } from "./strip.js";
import { Supporters } from "./support/zone.js";
import { Views } from "./table/views.js";
import { Table } from "./table/zone.js";
import { Templates } from "./templates.js";
import { Toasts } from "./toast.js";
import { watchFingers } from "./touch.js";
import { STILL, failure, mayLead } from "./words.js";

const desk = document.getElementById("desk");

/** Builds every part once; parts know each other only through `ways` (what a button elsewhere leads to). */
function build() {
  const store = new Store();
  const announcer = new Announcer();
  const toasts = new Toasts(announcer);
  Dialog.floating = [toasts.root, announcer.root];
  const api = new Api(() => store.set({ signedOut: true }), () => toasts.wait(STILL.title, STILL.text));
  const safe = new Safe(store, announcer);
  followOtherTabs(safe);
  const actions = new Actions(store, api, toasts, announcer);
  const templates = new Templates(store, api, toasts);
  const ways = {};
  const rundown = new Rundown(store, api, toasts, actions, ways);
  const history = new History(store, api, toasts, rundown, actions, ways);
  const channels = new Channels(store, api, toasts, ways);
  const overlays = new Overlays(store, api, toasts);
  const composer = new Composer(store, rundown, actions, templates, toasts);
  const rundowns = new Rundowns(store, api, toasts, rundown);
  const persons = new Persons(store, api, toasts);
  const rehearsal = new Rehearsal(store, rundown, toasts);
  Object.assign(ways, {
    compose: (how) => (store.get().campaign ? composer.open(how) : campaigns.open()),
    addChannel: () => channels.open(),
    addOverlay: () => overlays.open(),
    showPersons: () => persons.open(),
    manageRundowns: () => rundowns.open(),
    trySimulated: () => rehearsal.start(),
    show: (place) => {
      if (place === "tables") table.open("tables");
      else views.choose(place === "people" ? "people" : "show");
    },
  });
  actions.onPeople = () => ways.show("people");
  actions.onWrite = () => ways.compose();
  actions.onCreate = () => campaigns.open(campaigns.name.input);
  const lists = () => Promise.all([rundown.load(), channels.load(), overlays.load(), history.load()]);
  actions.onListsChanged = lists;
  const link = new Link(store, api, actions);
  const pulse = new Pulse(store, api, actions, lists);
  const now = new Now(store, actions, announcer, ways);
  const next = new Next(store, rundown, history, ways);
  const fixes = new Fixes(store, api, toasts, ways);
  const health = new Health(store, api, channels, overlays, fixes);
  const strip = new Strip();
  const table = new Table(store, api, toasts, announcer, ways);
  const people = new People({
    store, api, toasts, fixes,
    accepted: (id) => campaigns.join(id),
    gone: async () => {
      localStorage.removeItem("hubbub.campaign");
      await open(await campaigns.load());
    },
  });
  const supporters = new Supporters(store, api, toasts);
  const views = new Views(store, table, people, supporters);

  const open = async (campaign) => {
    link.stop();
    pulse.stop();
    store.set({
      campaign, show: null, lastAction: null, rundowns: null, rundownId: null, drafts: null, templates: null, preflight: null,
      history: { items: null, next: null }, channels: null, overlays: null, status: null, statusAt: 0, boards: {}, links: {}, people: NOBODY,
    });
    table.data.restart();
    supporters.restart();
    if (!campaign) return;
    pulse.start();
    link.start();
    if (store.get().view === "people") people.load();
    await Promise.all([lists(), templates.load()]);
    if (fixes.isBack && mayLead(campaign)) await health.check();
    // A poll cancelled moments ago on another device can still be brought back from here.
    const cancelled = store.get().history.items?.find((poll) => poll.state === "cancelled" && poll.undo_until);
    if (cancelled) actions.offerUndo(cancelled);
  };
  const campaigns = new Campaigns(store, api, open, toasts);
  campaigns.onJoined = () => views.choose("people");
  fixes.mended = () => {
    people.load();
    health.follow();
  };
  const keys = new Keys({
    next: () => now.bar.press(null),
    resolve: (winner) => actions.resolve(winner),
    cancel: () => actions.cancel(),
    undo: () => toasts.undoLast(),
    extend: () => actions.extend(30),
    compose: () => ways.compose(),
    safe: () => safe.toggle(),
    table: () => views.toggle(),
    roll: () => table.rollByHand(),
  });
  const account = new Account(api, toasts, () => store.set({ signedOut: true }));
  const around = frame({ store, api, campaigns, safe, keys, toasts, views, account });
  store.onLive((state) => {
    around.live(state);
    now.update(state);
  });
  store.onCalm((state) => {
    if (state.signedOut) link.stop();
    campaigns.update(state);
    around.update(state);
    strip.update(state);
    now.settle(state);
    next.update(state);
    health.update(state);
    views.update(state);
    table.update(state);
    people.update(state);
    supporters.update(state);
  });
  return { store, api, campaigns, open, account, fixes, around, strip, parts: [now.root, next.root, health.root, table.root, supporters.root, people.root], toasts, announcer };
}

async function start() {
  watchFingers();
  const { store, api, campaigns, open, account, fixes, around, strip, parts, toasts, announcer } = build();
  let campaign = null;
  for (;;) {
    try {
      store.set({ session: await api.session() });
      campaign = await campaigns.load();
      break;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        desk.replaceChildren(gate("signed-out"));
        return;
      }
      const { title, text } = failure(error, "open the desk");
      desk.replaceChildren(h("p", { class: "starting", role: "alert", text: `${title}. ${text} Trying again every 2 s…` }));
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  desk.replaceChildren(around.top, around.banner, strip.root, h("main", { class: "zones" }, parts));
  document.body.append(toasts.root, announcer.root);
  // Ages and countdowns are words: once a second is enough for ages, four times for the last seconds of a poll.
  setInterval(() => {
    if (!document.hidden) store.redraw();
  }, 500);
  const isTold = account.tell(location.hash, fixes.isBack);
  if (campaign) await open(campaign);
  else if (!isTold) around.firstShow();
}

start();
