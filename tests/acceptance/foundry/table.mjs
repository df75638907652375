// Foundry worlds and their browsers, told what to do by the test: one JSON object a line in, one a line out.
//
// `{"id": 1, "do": "world" | "open" | …, …}` is answered by `{"id": 1, "answer": …}` or `{"id": 1, "error": …}`.
// Whatever happens in a browser comes by itself: `{"browser": "gm1", "what": "received", "detail": {…}}`.

import { createInterface } from 'node:readline';

import { io } from 'socket.io-client';

import { FoundryModule, World, fallen } from '../../fakes/foundry_module.mjs';

const worlds = new Map();
const browsers = new Map();
const muted = new Set();

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const acts = {
  world({ world, title, systemId }) {
    worlds.set(world, new World(world, { title, systemId }));
  },
  open({ browser, world, url, hurry }) {
    const note = (what, detail = {}) => tell({ browser, what, detail });
    const isSending = (event) => !muted.has(`${browser} ${event}`);
    browsers.set(browser, new FoundryModule(worlds.get(world), { io, serverUrl: url, hurry, note, isSending }));
  },
  /** The page is closed: nothing more comes of it. */
  shut({ browser }) {
    const shut = browsers.get(browser);
    shut.note = () => {};
    shut.comeBack = () => {};
    clearInterval(shut.waiting);
    shut.stopPairing();
    shut.disconnect();
    shut.world.browsers = shut.world.browsers.filter((one) => one !== shut);
    browsers.delete(browser);
  },
  start: ({ browser }) => void browsers.get(browser).start(),
  connect: ({ browser }) => browsers.get(browser).connect(),
  pair: ({ browser }) => browsers.get(browser).startPairing(),
  unpair: ({ browser }) => browsers.get(browser).unpair(),
  refresh: ({ browser }) => browsers.get(browser).refresh(),
  health: ({ browser }) => browsers.get(browser).checkHealth(),
  reauthorization: ({ browser }) => browsers.get(browser).checkReauthorization(),
  emit: ({ browser, event, payload }) => browsers.get(browser).emit(event, payload),
  cast: ({ browser, actorId, spellId }) => browsers.get(browser).cast(actorId, spellId),
  mute: ({ browser, event }) => void muted.add(`${browser} ${event}`),
  /** A message of the chat with rolls: `[["1d20 + 7", [17]], …]`. */
  say: ({ world, rolls = [], ...message }) =>
    worlds.get(world).say({ ...message, rolls: rolls.map((roll) => fallen(...roll)) }).id,
  credentials: ({ world }) => worlds.get(world).credentials,
  store: ({ world, credentials }) => void Object.assign(worlds.get(world).credentials, credentials),
  chat: ({ world }) => worlds.get(world).chat,
  spells: ({ world }) => Object.fromEntries(worlds.get(world).spells),
  state: ({ browser }) => {
    const { connected, attempts, isPaired, itemCategories, pairingUrl } = browsers.get(browser);
    return { connected, attempts, isPaired, itemCategories, pairingUrl };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: what, ...order } = JSON.parse(line);
  Promise.resolve()
    .then(() => acts[what](order))
    .then((answer = null) => tell({ id, answer }))
    .catch((error) => tell({ id, error: error.message }));
}
process.exit(0);
