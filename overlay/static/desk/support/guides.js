// For each service: what to paste where. A step is a sentence, or the name of something to copy in its place:
// url, plain (the address with the token in it), signing, snippet.

const JSON_TYPE = '"Content-Type": "application/json"';

/** What to send with `fetch`; `what` is the value that is passed on. */
function send(url, token, what, indent) {
  return [
    `fetch("${url}", {`, '  method: "POST",', `  headers: { ${JSON_TYPE}, "Authorization": "Bearer ${token}" },`, `  body: JSON.stringify(${what}),`, "});",
  ].map((line) => indent + line);
}

export const GUIDES = {
  kofi: {
    name: "Ko-fi",
    about: "Ko-fi sends every donation and membership payment here by itself, within seconds.",
    steps: [
      "On ko-fi.com, open More, API, Webhooks, and paste this as the Webhook URL. Press Update.",
      "url",
      "Ko-fi needs an address that begins with https:// and that the internet can reach. A Hubbub on your own computer needs a tunnel for that.",
      "On the same page press Send Test under Single Donation: an alert marked TEST comes on stream, and this page says when it was heard.",
    ],
    makes: "The verification token stands on ko-fi.com under More, API, Webhooks, Advanced. It is kept as a hash: nobody can read it here again.",
  },
  streamelements: {
    name: "StreamElements",
    about: "StreamElements has no webhook. A custom widget in your StreamElements overlay passes tips on; a bot of yours can do the same.",
    steps: [
      "On streamelements.com, open the overlay that runs in your OBS: My Overlays, Edit. Add Static / Custom, Custom Widget, and press Open Editor.",
      "In the tab JS, replace everything with this; leave HTML and CSS empty. Done, then Save.",
      "snippet",
      "The overlay has to be open in OBS while you stream. Tips that wait for a moderator come here when they are let through.",
      "A server of yours that listens to StreamElements signs what it passes on, as Standard Webhooks says, with this secret:",
      "signing",
    ],
    snippet: (url, token) => [
      'window.addEventListener("onEventReceived", ({ detail }) => {', '  if (detail.listener !== "event" || detail.event.type !== "tip") return;',
      ...send(url, token, "detail.event", "  "), "});",
    ].join("\n"),
  },
  streamlabs: {
    name: "Streamlabs",
    about: "Streamlabs has no webhook. A small page in your OBS passes its donations on; a bot that can send web requests can do the same.",
    steps: [
      "On streamlabs.com, open Settings, API Settings, API Tokens, and copy Your Socket API Token.",
      "Save this as streamlabs.html on the computer with OBS, with your socket token in the place where it says so.",
      "snippet",
      "In OBS add a Browser source, tick Local file and choose streamlabs.html. It shows nothing; it has to be open while you stream.",
      "A bot that takes nothing but an address gets this one: the secret is part of it. It sends the donation as JSON, by POST.",
      "plain",
      "A server of yours signs instead, as Standard Webhooks says, with this secret:",
      "signing",
    ],
    snippet: (url, token) => [
      '<script src="https://cdnjs.cloudflare.com/ajax/libs/socket.io/2.0.3/socket.io.js"></script>', "<script>",
      'const streamlabs = io("https://sockets.streamlabs.com?token=YOUR SOCKET API TOKEN", { transports: ["websocket"] });',
      'streamlabs.on("event", (event) => {', '  if (event.type !== "donation") return;', ...send(url, token, "event", "  "), "});", "</script>",
    ].join("\n"),
  },
};
