// A stand-in for the published Foundry module, built from domain/vtt-wire-protocol alone: what it asks over HTTP,
// which texts of a refusal it looks for, when it comes back, what it forgets, what it does when commanded.
//
// Foundry itself is a `World`: one setting with the credentials and one chat, shared by all its browsers. Every
// browser of a game master is a `FoundryModule`. `io` is the real socket.io-client, given by whoever uses this.

const MODULE_VERSION = '2.3.4';
/** A token counts as expired this long before it is (§2). */
const EARLY_MS = 60_000;

export class World {
  constructor(id, { title = id, systemId = 'dnd5e' } = {}) {
    Object.assign(this, { id, title, systemId });
    this.credentials = {}; // the world-scoped setting
    this.serverUrlSetting = null;
    this.browsers = [];
    this.chat = [];
    this.spells = new Map(); // `actor.spell` → effect
    this.actors = new Map(); // id → updates that were made
  }

  /** A message falls into the chat: `createChatMessage` runs in every browser. */
  say(message) {
    const said = { id: `msg${String(this.chat.length).padStart(13, '0')}`, whisper: false, ...message };
    this.chat.push(said);
    for (const browser of this.browsers) browser.onChatMessage(said);
    return said;
  }
}

export class FoundryModule {
  /** `hurry` divides every waiting time of the module. `note(what, detail)` is told all that happens in it. */
  constructor(world, { io, serverUrl, hurry = 1, note = () => {}, isSending = () => true }) {
    Object.assign(this, { world, io, hurry, note, isSending });
    this.serverUrl = serverUrl; // of the socket, H4, H5 and H6: never changed by an answer
    this.pairingUrl = serverUrl; // of pairing: the `serverUrl` of an answer replaces it
    this.socket = null;
    this.connected = false;
    this.connecting = false;
    this.attempts = 0;
    this.maxAttempts = 10;
    this.itemCategories = [];
    world.browsers.push(this);
  }

  later(ms, what) {
    return setTimeout(what, ms / this.hurry);
  }

  // The setting.

  store(fields) {
    Object.assign(this.world.credentials, fields);
  }

  storeTokens({ sessionToken, refreshToken, expiresIn }) {
    this.store({ sessionToken, refreshToken, tokenExpiry: Date.now() + expiresIn * 1000 });
  }

  forget() {
    this.world.credentials = {};
    this.note('forgot');
  }

  get isPaired() {
    const { sessionToken, refreshToken, connectionId } = this.world.credentials;
    return Boolean(sessionToken && refreshToken && connectionId);
  }

  // H1, H2.

  async startPairing() {
    this.stopPairing();
    const answer = await fetch(`${this.pairingUrl}/webhooks/foundry/request-pairing`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        worldId: this.world.id,
        worldName: this.world.title,
        gmUserId: 'gmUser0000000001',
        moduleVersion: MODULE_VERSION,
        gameSystemId: this.world.systemId,
        gameSystemName: this.world.systemId,
      }),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error || `HTTP ${answer.status}`);
    if (!told.code || typeof told.expiresIn !== 'number') throw new Error('missing code or expiresIn');
    this.useForPairing(told.serverUrl);
    this.code = told.code;
    this.pairingEnds = this.later(told.expiresIn * 1000, () => this.pairingExpired());
    this.polling = setInterval(() => this.checkPairing(), 2000 / this.hurry);
    return told;
  }

  useForPairing(url) {
    if (!url) return;
    this.pairingUrl = url;
    this.world.serverUrlSetting = url;
  }

  async checkPairing() {
    if (!this.code || this.isChecking) return;
    this.isChecking = true;
    try {
      const query = `worldId=${encodeURIComponent(this.world.id)}&code=${encodeURIComponent(this.code)}`;
      const answer = await fetch(`${this.pairingUrl}/webhooks/foundry/pairing-status?${query}`);
      if (!answer.ok) return;
      const told = await answer.json();
      if (told.status === 'completed') {
        this.stopPairing();
        this.useForPairing(told.serverUrl);
        this.storeTokens(told);
        const { connectionId, apiKey, fingerprint } = told;
        this.store({ connectionId, apiKey, fingerprint });
        this.note('paired', { connectionId });
        await this.connect(); // what its menu does then
      } else if (told.status === 'expired') {
        this.pairingExpired();
      } else if (told.status === 'not_found') {
        this.stopPairing();
        this.note('pairing_not_found');
      }
    } catch (error) {
      this.note('polling_failed', { error: error.message });
    } finally {
      this.isChecking = false;
    }
  }

  pairingExpired() {
    this.stopPairing();
    this.note('pairing_expired');
  }

  stopPairing() {
    clearInterval(this.polling);
    clearTimeout(this.pairingEnds);
    this.code = null;
  }

  // H3, H4, H5, H6.

  async unpair() {
    const { connectionId, apiKey } = this.world.credentials;
    if (connectionId && apiKey) {
      try {
        await fetch(`${this.pairingUrl}/webhooks/foundry/revoke`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ connectionId, apiKey, reason: 'User disconnected from Foundry' }),
        });
      } catch (error) {
        this.note('unpair_not_told', { error: error.message });
      }
    }
    this.forget();
    this.stopPairing();
    this.disconnect();
  }

  async checkHealth() {
    const { apiKey } = this.world.credentials;
    if (!apiKey) return { status: 'not_paired' };
    try {
      const answer = await fetch(`${this.serverUrl}/webhooks/foundry/connection-health`, {
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
      });
      const told = await answer.json();
      if (answer.ok) return { ...told, status: 'healthy' };
      if (answer.status === 404) return { status: 'not_found' };
      if (answer.status === 401) return { ...told, status: told.status || 'revoked' };
      if (answer.status === 410) return { ...told, status: 'campaign_deleted' };
      return { status: 'error', error: told.error };
    } catch {
      return { status: 'server_unavailable' };
    }
  }

  /** The page is loaded. */
  async start() {
    if (!this.isPaired) return this.note('not_paired');
    const health = await this.checkHealth();
    this.note('health', health);
    if (health.status === 'revoked') return this.awaitReauthorization();
    try {
      await this.connect();
    } catch (error) {
      this.note('start_failed', { error: error.message });
    }
  }

  async awaitReauthorization() {
    clearInterval(this.waiting);
    const look = async () => {
      const told = await this.checkReauthorization();
      this.note('reauthorization', { status: told.status });
      if (told.status !== 'reauthorized' && told.status !== 'already_active') return;
      clearInterval(this.waiting);
      await this.connect();
    };
    this.waiting = setInterval(look, 3000 / this.hurry);
    await look();
  }

  async checkReauthorization() {
    const { apiKey } = this.world.credentials;
    const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
    try {
      const query = `worldId=${encodeURIComponent(this.world.id)}`;
      const answer = await fetch(`${this.serverUrl}/webhooks/foundry/reauthorization-status?${query}`, { headers });
      const told = await answer.json();
      if (!answer.ok) return { status: 'error', error: told.error };
      if (told.status === 'reauthorized') {
        this.storeTokens(told);
        for (const name of ['connectionId', 'apiKey', 'fingerprint']) if (told[name]) this.store({ [name]: told[name] });
      }
      return told;
    } catch (error) {
      return { status: 'error', error: error.message };
    }
  }

  async refresh() {
    const { refreshToken, fingerprint } = this.world.credentials;
    if (!refreshToken) throw new Error('no refresh token');
    const answer = await fetch(`${this.serverUrl}/mj/vtt-connections/refresh-token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refreshToken, fingerprint: fingerprint ?? null }),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error || `HTTP ${answer.status}`);
    this.storeTokens(told);
    this.note('refreshed');
  }

  // The socket.

  async connect() {
    if (this.connected || this.connecting) return;
    const { sessionToken, tokenExpiry } = this.world.credentials;
    if (!sessionToken) throw new Error('no session token');
    if (Date.now() > tokenExpiry - EARLY_MS) await this.refresh();
    this.connecting = true;
    await new Promise((resolve, reject) => {
      const socket = this.io(`${this.serverUrl}/vtt`, {
        auth: { token: this.world.credentials.sessionToken },
        transports: ['websocket'],
        reconnection: false,
        timeout: 10000,
        forceNew: true, // two browsers in one process are still two
      });
      this.socket = socket;
      socket.on('connect', () => {
        this.connected = true;
        this.connecting = false;
        this.attempts = 0;
        this.note('connect');
        resolve();
      });
      socket.on('disconnect', (reason) => this.onDisconnect(socket, reason));
      socket.on('connect_error', (error) => {
        this.onRefused(error);
        if (this.attempts === 0) reject(error); // else nobody is ever told (§4)
      });
      this.listen(socket);
    });
  }

  onDisconnect(socket, reason) {
    this.connected = false;
    this.connecting = false;
    this.note('disconnect', { reason });
    if (reason !== 'io server disconnect') this.comeBack();
  }

  async onRefused(error) {
    this.connecting = false;
    const { message } = error;
    this.note('refused', { message });
    if (message.includes('CAMPAIGN_DELETED')) {
      this.forget();
      this.note('campaign_deleted', { reason: message.split(':')[1] || '' });
      return;
    }
    if (message.includes('expired') || message.includes('invalid')) {
      try {
        await this.refresh();
      } catch (failure) {
        this.forget();
        this.note('must_pair_again', { error: failure.message });
        return;
      }
      this.comeBack(0);
      return;
    }
    this.comeBack();
  }

  comeBack(delay = null) {
    if (this.attempts >= this.maxAttempts) {
      this.note('gave_up');
      return;
    }
    const ms = delay ?? Math.min(1000 * 2 ** this.attempts, 30_000);
    this.attempts += 1;
    this.note('will_reconnect', { attempt: this.attempts, ms });
    this.later(ms, () => this.connect().catch((error) => this.note('connect_failed', { error: error.message })));
  }

  disconnect() {
    if (this.socket) this.socket.disconnect();
    this.socket = null;
    this.connected = false;
    this.connecting = false;
    this.attempts = 0;
  }

  emit(event, payload) {
    if (!this.connected || !this.socket) return false; // dropped (§8)
    this.socket.emit(event, payload);
    return true;
  }

  listen(socket) {
    socket.onAny((event, data) => this.note('received', { event, data }));
    socket.on('connected', (data) => {
      this.itemCategories = data.itemCategories;
    });
    socket.on('ping', (data) => {
      if (this.isSending('pong'))
        socket.emit('pong', { timestamp: data.timestamp, moduleVersion: MODULE_VERSION });
    });
    for (const event of ['connection:revoked', 'campaign:deleted'])
      socket.on(event, () => {
        this.forget();
        this.disconnect();
      });
    const commands = {
      roll_dice: (command) => this.rollDice(command),
      chat_message: ({ content, speaker }) => this.world.say({ content, speaker }),
      delete_message: ({ messageId }) => {
        this.world.chat = this.world.chat.filter((message) => message.id !== messageId);
      },
      modify_actor: ({ actorId, updates }) => {
        this.world.actors.set(actorId, { ...this.world.actors.get(actorId), ...updates });
      },
      apply_spell_effect: (command) => this.applySpellEffect(command),
      remove_spell_effect: ({ actorId, spellId }) => this.world.spells.delete(`${actorId}.${spellId}`),
      apply_monster_effect: () => {},
      remove_monster_effect: () => {},
      cleanup_all_effects: () => this.world.spells.clear(),
      sync_item_categories: ({ itemCategories }) => {
        this.itemCategories = itemCategories;
      },
      request_sync: () => {},
    };
    for (const [name, execute] of Object.entries(commands))
      socket.on(`command:${name}`, (command) => {
        execute(command);
        // Its result stays in the browser: no command is answered (§6).
        this.note('executed', { command: name, requestId: command.requestId });
      });
  }

  // Dice.

  rollDice({ formula, forcedResult, flavor, speaker }) {
    const roll = evaluate(formula);
    if (forcedResult !== undefined && roll.dice.length > 0) {
      roll.total += forcedResult - roll.dice[0].results[0].result;
      roll.dice[0].results[0].result = forcedResult;
    }
    this.world.say({ rolls: [roll], flavor: flavor || '', actorId: speaker?.actorId });
  }

  onChatMessage(message) {
    for (const roll of message.rolls ?? []) this.emit('dice:roll', this.diceRoll(message, roll));
  }

  /** §7. A message that holds several rolls sends one event for each, all with the message's id. */
  diceRoll(message, roll) {
    const values = roll.dice.flatMap((die) => die.results.filter((one) => one.active).map((one) => one.result));
    const natural = roll.dice.length === 1 && roll.dice[0].faces === 20 ? roll.dice[0].results[0].result : 0;
    const criticalType = { 20: 'success', 1: 'failure' }[natural] ?? null;
    return {
      characterId: message.actorId ?? 'unknown',
      characterName: message.name ?? 'Gamemaster',
      rollId: message.id,
      rollFormula: roll.formula,
      result: roll.total,
      diceResults: values,
      isCritical: criticalType !== null,
      criticalType,
      severity: criticalType && 'major',
      criticalLabel: criticalType && `Natural ${natural}`,
      criticalCategory: criticalType && `nat${natural}`,
      isHidden: Boolean(message.whisper),
      rollType: message.rollType ?? 'generic',
      skill: message.skill ?? null,
      skillRaw: message.skill ?? null,
      ability: null,
      abilityRaw: null,
      modifiers: [],
      terms: roll.terms.map(term),
      systemData: { isPool: false, raw: null },
      metadata: {
        foundryMessageId: message.id, foundryActorId: message.actorId ?? null, flavor: message.flavor ?? '',
        system: this.world.systemId, systemId: this.world.systemId,
        timestamp: Date.now(), // each browser's own
        parsedFlavor: { skill: null, ability: null, confidence: 'none' },
      },
      worldId: this.world.id,
      campaignId: this.world.id,
    };
  }

  // Spells.

  applySpellEffect({ actorId, spellId, spellName, effect, requestId }) {
    this.world.spells.set(`${actorId}.${spellId}`, { ...effect, requestId });
    this.world.say({ content: `<strong>${spellName}</strong> by <strong>${effect.triggeredBy ?? 'chat'}</strong>` });
    if (effect.type !== 'disable') return;
    this.later((effect.durationSeconds || 600) * 1000, () => {
      this.world.spells.delete(`${actorId}.${spellId}`);
      this.emit('spell:effect:expired', { actorId, spellId, spellName, effectType: 'disable', requestId });
    });
  }

  /** The spell is cast: a buff or debuff is used up. */
  cast(actorId, spellId) {
    const effect = this.world.spells.get(`${actorId}.${spellId}`);
    if (!effect) return;
    this.world.spells.delete(`${actorId}.${spellId}`);
    const { type: effectType, requestId } = effect;
    this.emit('spell:effect:consumed', { spellId, spellName: spellId, effectType, requestId });
  }
}

/** `2d6 + 1d20 + 3`: enough of Foundry's formulas for what the tests roll. `pick(faces)` throws a die. */
export function evaluate(formula, pick = (faces) => 1 + Math.floor(Math.random() * faces)) {
  const dice = [];
  const terms = [];
  let total = 0;
  for (const [, sign, count, faces, number] of formula.matchAll(/([+-]?)\s*(?:(\d*)d(\d+)|(\d+))/g)) {
    const way = sign === '-' ? -1 : 1;
    if (sign) terms.push({ operator: sign });
    if (number) {
      terms.push({ number: Number(number) });
      total += way * Number(number);
      continue;
    }
    const results = Array.from({ length: Number(count || 1) }, () => ({ result: pick(Number(faces)), active: true }));
    dice.push({ faces: Number(faces), results });
    terms.push(dice.at(-1));
    total += way * results.reduce((sum, one) => sum + one.result, 0);
  }
  const spaced = formula.replaceAll(/\s*([+-])\s*/g, ' $1 ').trim(); // as Foundry writes formulas
  return { formula: spaced, dice, terms, total };
}

/** A roll as it fell: `fallen('1d20 + 7', [17])`. */
export function fallen(formula, values) {
  const left = [...values];
  return evaluate(formula, () => left.shift());
}

/** A term as the module sends it. */
function term({ faces, results, operator, number }) {
  if (operator) return { type: 'operator', class: 'OperatorTerm', operator };
  if (number !== undefined) return { type: 'number', class: 'NumericTerm', value: number };
  return {
    type: 'die', class: 'Die', faces, count: results.length, modifiers: [], denomination: 'd',
    expression: `${results.length}d${faces}`,
    results: results.map((one) => ({
      value: one.result, active: one.active, rerolled: false, exploded: false, discarded: false,
    })),
  };
}
