// What an alert says in the viewers' language, when the campaign has no words of its own for it.

import { language } from "./words.js";

const SAID = {
  en: {
    somebody: "Somebody kind",
    more: "+{n} more",
    title: {
      follow: { one: "New follower", other: "{n} new followers" },
      subscription: { one: "New subscriber", other: "{n} new subscribers" },
      resub: { one: "Subscribed again", other: "{n} subscribed again" },
      gift: { one: "Gifted subs", other: "{n} people gift subs" },
      bits: { one: "Cheers with bits", other: "{n} people cheer with bits" },
      kicks: { one: "Sends kicks", other: "{n} people send kicks" },
      donation: { one: "Donation", other: "{n} donations" },
      raid: { one: "Raid!", other: "{n} raids!" },
    },
    unit: {
      gift: { one: "sub", other: "subs" },
      bits: { one: "bit", other: "bits" },
      kicks: { one: "kick", other: "kicks" },
      raid: { one: "viewer", other: "viewers" },
      resub: { one: "month", other: "months" },
    },
    tier: "Tier {n}",
  },
  de: {
    somebody: "Jemand Nettes",
    more: "+{n} weitere",
    title: {
      follow: { one: "Neu dabei", other: "{n} neue Follower" },
      subscription: { one: "Neues Abo", other: "{n} neue Abos" },
      resub: { one: "Abo verlängert", other: "{n} Abos verlängert" },
      gift: { one: "Verschenkt Abos", other: "{n} verschenken Abos" },
      bits: { one: "Jubelt mit Bits", other: "{n} jubeln mit Bits" },
      kicks: { one: "Schickt Kicks", other: "{n} schicken Kicks" },
      donation: { one: "Spende", other: "{n} Spenden" },
      raid: { one: "Raid!", other: "{n} Raids!" },
    },
    unit: {
      gift: { one: "Abo", other: "Abos" },
      bits: { one: "Bit", other: "Bits" },
      kicks: { one: "Kick", other: "Kicks" },
      raid: { one: "Zuschauer", other: "Zuschauer" },
      resub: { one: "Monat", other: "Monate" },
    },
    tier: "Stufe {n}",
  },
  fr: {
    somebody: "Une bonne âme",
    more: "+{n} autres",
    title: {
      follow: { one: "Nouveau follower", other: "{n} nouveaux followers" },
      subscription: { one: "Nouvel abonnement", other: "{n} nouveaux abonnements" },
      resub: { one: "Réabonnement", other: "{n} réabonnements" },
      gift: { one: "Offre des abonnements", other: "{n} offrent des abonnements" },
      bits: { one: "Envoie des bits", other: "{n} envoient des bits" },
      kicks: { one: "Envoie des kicks", other: "{n} envoient des kicks" },
      donation: { one: "Don", other: "{n} dons" },
      raid: { one: "Raid !", other: "{n} raids !" },
    },
    unit: {
      gift: { one: "abo", other: "abos" },
      bits: { one: "bit", other: "bits" },
      kicks: { one: "kick", other: "kicks" },
      raid: { one: "spectateur", other: "spectateurs" },
      resub: { one: "mois", other: "mois" },
    },
    tier: "Niveau {n}",
  },
  es: {
    somebody: "Un alma generosa",
    more: "+{n} más",
    title: {
      follow: { one: "Nuevo seguidor", other: "{n} nuevos seguidores" },
      subscription: { one: "Nueva suscripción", other: "{n} nuevas suscripciones" },
      resub: { one: "Renueva su suscripción", other: "{n} renovaciones" },
      gift: { one: "Regala suscripciones", other: "{n} regalan suscripciones" },
      bits: { one: "Anima con bits", other: "{n} animan con bits" },
      kicks: { one: "Envía kicks", other: "{n} envían kicks" },
      donation: { one: "Donación", other: "{n} donaciones" },
      raid: { one: "¡Raid!", other: "¡{n} raids!" },
    },
    unit: {
      gift: { one: "suscripción", other: "suscripciones" },
      bits: { one: "bit", other: "bits" },
      kicks: { one: "kick", other: "kicks" },
      raid: { one: "espectador", other: "espectadores" },
      resub: { one: "mes", other: "meses" },
    },
    tier: "Nivel {n}",
  },
  pt: {
    somebody: "Uma boa alma",
    more: "+{n} outras",
    title: {
      follow: { one: "Novo seguidor", other: "{n} novos seguidores" },
      subscription: { one: "Nova inscrição", other: "{n} novas inscrições" },
      resub: { one: "Renovou a inscrição", other: "{n} renovações" },
      gift: { one: "Presenteia inscrições", other: "{n} presenteiam inscrições" },
      bits: { one: "Torce com bits", other: "{n} torcem com bits" },
      kicks: { one: "Envia kicks", other: "{n} enviam kicks" },
      donation: { one: "Doação", other: "{n} doações" },
      raid: { one: "Raid!", other: "{n} raids!" },
    },
    unit: {
      gift: { one: "inscrição", other: "inscrições" },
      bits: { one: "bit", other: "bits" },
      kicks: { one: "kick", other: "kicks" },
      raid: { one: "espectador", other: "espectadores" },
      resub: { one: "mês", other: "meses" },
    },
    tier: "Nível {n}",
  },
};

/** The phrases of alerts for a BCP 47 tag. */
export function alertWords(tag) {
  return SAID[language(tag)];
}
