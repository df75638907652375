// The few phrases an overlay says, in five languages. `{x}` is filled in; a phrase with `one` and `other`
// is chosen by Intl.PluralRules.

const WORDS = {
  en: {
    type: "Type {range} in chat",
    counting: "Counting last votes…",
    locked: "Votes are in",
    noVotes: "No votes",
    votes: { one: "{n} vote", other: "{n} votes" },
    channels: { one: "{n} channel", other: "{n} channels" },
    tieRule: "tie rule: {rule}",
    tieRules: { gm: "GM decides", first: "first one there", random: "random draw", none: "none" },
    tie: {
      gm: "TIE — GM decides",
      first: "TIE — first one there wins",
      random: "TIE — the draw decides",
      none: "TIE — no winner",
    },
    decided: {
      gm: "tie: the GM decided",
      first: "tie: first one there",
      random: "tie: drawn at random",
      none: "tie",
    },
    sealed: "votes sealed",
    commitment: "Sealed draw if tied: {hash}",
    seed: "Draw opened: {hash}",
    weights: {
      channel: "Each channel gives one point",
      capped: "No channel counts for more than {p}",
      per_head: "All channels weigh the same",
    },
    everyMessage: "Every message counts",
    simulated: "SIMULATED",
    test: "TEST",
    connected: "Test ✓ overlay connected",
  },
  de: {
    type: "Tippe {range} in den Chat",
    counting: "Letzte Stimmen …",
    locked: "Die Stimmen stehen fest",
    noVotes: "Keine Stimmen",
    votes: { one: "{n} Stimme", other: "{n} Stimmen" },
    channels: { one: "{n} Kanal", other: "{n} Kanäle" },
    tieRule: "Gleichstand: {rule}",
    tieRules: { gm: "SL entscheidet", first: "wer zuerst da war", random: "Los", none: "keine Regel" },
    tie: {
      gm: "GLEICHSTAND — SL entscheidet",
      first: "GLEICHSTAND — wer zuerst da war",
      random: "GLEICHSTAND — das Los entscheidet",
      none: "GLEICHSTAND — kein Sieger",
    },
    decided: {
      gm: "Gleichstand: SL hat entschieden",
      first: "Gleichstand: wer zuerst da war",
      random: "Gleichstand: ausgelost",
      none: "Gleichstand",
    },
    sealed: "versiegelt",
    commitment: "Versiegeltes Los: {hash}",
    seed: "Los geöffnet: {hash}",
    weights: {
      channel: "Jeder Kanal gibt einen Punkt",
      capped: "Kein Kanal zählt mehr als {p}",
      per_head: "Alle Kanäle wiegen gleich viel",
    },
    everyMessage: "Jede Nachricht zählt",
    simulated: "SIMULIERT",
    test: "TEST",
    connected: "Test ✓ Overlay verbunden",
  },
  fr: {
    type: "Tapez {range} dans le chat",
    counting: "Derniers votes…",
    locked: "Les votes sont clos",
    noVotes: "Aucun vote",
    votes: { one: "{n} vote", other: "{n} votes" },
    channels: { one: "{n} chaîne", other: "{n} chaînes" },
    tieRule: "égalité : {rule}",
    tieRules: { gm: "le MJ tranche", first: "première arrivée", random: "tirage au sort", none: "aucune règle" },
    tie: {
      gm: "ÉGALITÉ — le MJ tranche",
      first: "ÉGALITÉ — la première arrivée",
      random: "ÉGALITÉ — tirage au sort",
      none: "ÉGALITÉ — sans gagnant",
    },
    decided: {
      gm: "égalité : le MJ a tranché",
      first: "égalité : première arrivée",
      random: "égalité : tirée au sort",
      none: "égalité",
    },
    sealed: "votes scellés",
    commitment: "Tirage scellé : {hash}",
    seed: "Tirage ouvert : {hash}",
    weights: {
      channel: "Chaque chaîne donne un point",
      capped: "Aucune chaîne au-delà de {p}",
      per_head: "Toutes les chaînes pèsent autant",
    },
    everyMessage: "Chaque message compte",
    simulated: "SIMULATION",
    test: "TEST",
    connected: "Test ✓ overlay connecté",
  },
  es: {
    type: "Escribe {range} en el chat",
    counting: "Últimos votos…",
    locked: "Votación cerrada",
    noVotes: "Sin votos",
    votes: { one: "{n} voto", other: "{n} votos" },
    channels: { one: "{n} canal", other: "{n} canales" },
    tieRule: "empate: {rule}",
    tieRules: { gm: "decide el DJ", first: "la primera en llegar", random: "sorteo", none: "sin regla" },
    tie: {
      gm: "EMPATE — decide el DJ",
      first: "EMPATE — la primera en llegar",
      random: "EMPATE — decide el sorteo",
      none: "EMPATE — sin ganador",
    },
    decided: {
      gm: "empate: decidió el DJ",
      first: "empate: la primera en llegar",
      random: "empate: por sorteo",
      none: "empate",
    },
    sealed: "votos sellados",
    commitment: "Sorteo sellado: {hash}",
    seed: "Sorteo abierto: {hash}",
    weights: {
      channel: "Cada canal da un punto",
      capped: "Ningún canal pasa del {p}",
      per_head: "Todos los canales pesan igual",
    },
    everyMessage: "Cada mensaje cuenta",
    simulated: "SIMULACIÓN",
    test: "PRUEBA",
    connected: "Prueba ✓ overlay conectado",
  },
  pt: {
    type: "Digite {range} no chat",
    counting: "Últimos votos…",
    locked: "Votação encerrada",
    noVotes: "Nenhum voto",
    votes: { one: "{n} voto", other: "{n} votos" },
    channels: { one: "{n} canal", other: "{n} canais" },
    tieRule: "empate: {rule}",
    tieRules: { gm: "o mestre decide", first: "a primeira a chegar", random: "sorteio", none: "sem regra" },
    tie: {
      gm: "EMPATE — o mestre decide",
      first: "EMPATE — a primeira a chegar",
      random: "EMPATE — o sorteio decide",
      none: "EMPATE — sem vencedor",
    },
    decided: {
      gm: "empate: o mestre decidiu",
      first: "empate: a primeira a chegar",
      random: "empate: por sorteio",
      none: "empate",
    },
    sealed: "votos selados",
    commitment: "Sorteio selado: {hash}",
    seed: "Sorteio aberto: {hash}",
    weights: {
      channel: "Cada canal dá um ponto",
      capped: "Nenhum canal passa de {p}",
      per_head: "Todos os canais pesam igual",
    },
    everyMessage: "Cada mensagem conta",
    simulated: "SIMULAÇÃO",
    test: "TESTE",
    connected: "Teste ✓ overlay conectado",
  },
};

/** The languages spoken here, as two letters. */
export const LANGUAGES = Object.freeze(Object.keys(WORDS));

/** The two letters we speak for a BCP 47 tag; English for all we do not. */
export function language(tag) {
  const short = String(tag ?? "").toLowerCase().split(/[-_]/)[0];
  return Object.hasOwn(WORDS, short) ? short : "en";
}

/** The phrases of `lang` (as `language` gives it). */
export function words(lang) {
  return WORDS[lang];
}

/** `phrase` with `{name}` replaced by `values.name`. */
export function fill(phrase, values) {
  return phrase.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

const plurals = new Map();

/** The form of `phrase` ({one, other}) for `count`, filled with `n` = `shown`. */
export function plural(lang, phrase, count, shown) {
  if (!plurals.has(lang)) plurals.set(lang, new Intl.PluralRules(lang));
  const form = plurals.get(lang).select(count);
  return fill(phrase[form] ?? phrase.other, { n: shown });
}
