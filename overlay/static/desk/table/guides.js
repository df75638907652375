// For each tabletop: exactly what to paste where. A step is a sentence, or the name of something to copy in its place:
// url, token, plain (the address with the token in it), signing, page (ours for Beyond20), console (for the Foundry module), snippet.

const PASS_ON = "Where the rolls are known (a userscript, an extension of yours, a small program), pass each one on unchanged, as this does:";

/** What a game master chooses from, in this order. `way`: code (typed here), offer (shown here) or webhook. */
export const SENDERS = [
  {
    system: "foundry-module", name: "Foundry VTT", way: "code",
    about: "With the module Tumulte Integration 2.3 or newer: rolls, characters, fights, and effects back into Foundry.",
    steps: [
      "In Foundry, as game master: Add-on Modules, Install Module, search for Tumulte Integration, and switch it on in your world.",
      "The published module talks to its maker's server. Tell it yours: press F12 in Foundry, open Console, paste this and press Enter. It holds until Foundry is reloaded; a module built for your server needs it not.",
      "console",
      "Configure Settings, Tumulte Integration, Start pairing. Foundry shows a code such as ABC-123, good for five minutes: type it above.",
    ],
  },
  {
    system: "beyond20", name: "Beyond20", way: "offer",
    about: "For D&D Beyond: the browser extension of each player hands its rolls to a page of ours. Nothing else is installed.",
    steps: [
      "Each player opens this page in the browser in which they roll, and types the code from here.",
      "page",
      "In Beyond20's options, under Custom Domains, they add the same address and grant it access.",
      "They reload the page and keep it open in a tab. It says “listening”, and then what it heard.",
    ],
  },
  {
    system: "dddice", name: "dddice", way: "webhook",
    about: "dddice sends nothing by itself: whoever listens to your room passes its rolls on.",
    steps: [PASS_ON, "snippet", "message is the roll as dddice tells it: the data of its REST answer, or of the event RollCreateEvent."],
  },
  {
    system: "dndbeyond", name: "D&D Beyond game log", way: "webhook",
    about: "D&D Beyond has no public way out. Easier is Beyond20; this is for a userscript that reads the game log's messages.",
    steps: [PASS_ON, "snippet", "message is a message of the game log. Only dice/roll/fulfilled becomes a die; never hand anybody your session cookie."],
  },
  {
    system: "roll20", name: "Roll20", way: "webhook",
    about: "Roll20's own scripts cannot reach the network, so a browser extension or userscript reads the chat.",
    steps: [PASS_ON, "snippet", "message is a chat message of type rollresult or gmrollresult, with its content as Roll20 wrote it."],
  },
  {
    system: "owlbear", name: "Owlbear Rodeo", way: "webhook",
    about: "An extension that listens to Dice+ or JustDices passes their results on.",
    steps: [PASS_ON, "snippet", "message is what the dice extension broadcasts: of Dice+ the roll-result, of JustDices the response."],
  },
  {
    system: "event_hooker", name: "Foundry event hooker", way: "webhook",
    about: "A Foundry module that sends rolls of D&D 5e by itself, but only once a minute.",
    steps: ["In its settings, paste this as the address of the webhook. The secret is part of it.", "plain", "It sends once a minute: dice come late."],
  },
  {
    system: "discord", name: "Discord-style webhook", way: "webhook",
    about: "For bridges that can post to a Discord webhook. They send words, so a roll is read from its text.",
    steps: ["Where the bridge asks for a Discord webhook, paste this. The secret is part of it.", "plain",
      "“2d20kh1+7 = 24” in its text or its card becomes a roll. What it does not say cannot be known: say below who may see such rolls."],
  },
  {
    system: "foundry", name: "Foundry, chat messages", way: "webhook",
    about: "For a script of yours in Foundry that sends its chat messages as they are stored.",
    steps: ["In a script that runs on createChatMessage, only for messages of its own user:", "snippet", "message is the ChatMessage's source, with its rolls. Whispered and blind ones stay secret."],
  },
  {
    system: "other", name: "Anything else", way: "webhook",
    about: "A program of yours, a physical dice app, Fantasy Grounds, Alchemy: our own form, or a line of text.",
    steps: ["Send each roll to this address:", "snippet",
      "message is a hubbub.dice_roll/1 (see the API reference), or {\"line\": \"Rook: 2d20kh1+7 = 24\"}. A server signs instead, as Standard Webhooks says, with this secret:", "signing",
      "Or let the sender ask for its address and token itself, with a code from here:", "offer"],
  },
];

/** The guide of a connection, by what it is. */
export function guideOf({ system, auth_type: way }) {
  if (way === "pairing") return SENDERS[0];
  return SENDERS.find((sender) => sender.system === system) ?? SENDERS.at(-1);
}

/** What `fetch` looks like; `token` stands in it, or dots. */
export function snippet(url, token) {
  return [
    `fetch("${url}", {`, '  method: "POST",',
    `  headers: { "Content-Type": "application/json", "Authorization": "Bearer ${token}" },`,
    "  body: JSON.stringify(message),", "});",
  ].join("\n");
}

/** What tells the published Foundry module where we are. */
export function foundryConsole(origin) {
  return `tumulte.pairingManager.tumulteUrl = "${origin}"; tumulte.socketClient.updateServerUrl("${origin}");`;
}

