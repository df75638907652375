// Beyond20's "custom domain": the extension hands finished rolls to this page as DOM events, and the page sends them on.
// A code from the desk makes this browser a table of its own; what was rolled is told here again, so that a player sees it works.

const STORED = "hubbub.beyond20"; // {path, token}: this browser's own address and token
const MOST_LINES = 8;
const AGAIN_MS = [1000, 2000, 4000, 8000];
const CODE = /^[A-HJ-NP-Z2-9]{6}$/;

const part = (id) => document.getElementById(id);
const [title, text, form, code, name, wrong, go, heard, more, forget] =
  ["title", "text", "pair", "code", "name", "wrong", "go", "heard", "more", "forget"].map(part);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let table = JSON.parse(localStorage.getItem(STORED) ?? "null");
let isLoaded = false;
let stamp = 0;

function complain(words) {
  wrong.textContent = words;
  wrong.hidden = words === "";
}

function show() {
  form.hidden = table !== null;
  forget.hidden = table === null;
  more.hidden = table === null;
  heard.hidden = heard.childElementCount === 0;
  title.textContent = table ? "Listening for Beyond20" : "Send your D&D Beyond rolls";
  text.textContent = table ? "Keep this tab open. Roll on D&D Beyond, and it appears here and on stream."
    : "With the Beyond20 extension in this browser. Your game master shows you a code.";
  more.textContent = isLoaded ? "Beyond20 is here and hands its rolls to this page."
    : `Beyond20 has not said hello yet. In its options, under Custom Domains, add ${location.origin}${location.pathname}, then reload this page.`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const typed = code.value.toUpperCase().replace(/[\s\-\u2010-\u2015_.]/g, "");
  if (!CODE.test(typed)) {
    complain("Six letters and digits, such as ABC-123. There is no I, O, 0 or 1 in it.");
    code.focus();
    return;
  }
  complain("");
  go.textContent = "Pairing…";
  try {
    const called = name.value.trim();
    const response = await fetch("/webhooks/vtt/pair", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: `${typed.slice(0, 3)}-${typed.slice(3)}`, ...(called ? { name: `Beyond20 of ${called}` } : {}) }),
    });
    const answer = await response.json();
    if (response.ok) {
      // The address by which this page was reached is as good as the public one, and allowed to it.
      table = { path: new URL(answer.webhook_url).pathname, token: answer.ingest_token };
      localStorage.setItem(STORED, JSON.stringify(table));
    } else complain(response.status === 429 ? "Too many tries. Wait a minute." : answer.detail ?? "That did not work. Ask for a new code.");
  } catch {
    complain("Hubbub does not answer. Is it running? The code is good for five minutes.");
  } finally {
    go.textContent = "Pair";
    show();
  }
});

forget.addEventListener("click", () => {
  localStorage.removeItem(STORED);
  table = null;
  show();
});

/** A line for one roll; the returned function says what became of it. */
function line(what) {
  const item = document.createElement("li");
  const label = document.createElement("strong");
  const fate = document.createElement("span");
  label.textContent = what;
  fate.textContent = "sending…";
  item.append(label, fate);
  heard.prepend(item);
  while (heard.childElementCount > MOST_LINES) heard.lastElementChild.remove();
  show();
  return (words, isBad = false) => {
    fate.textContent = words;
    if (isBad) item.dataset.bad = "";
  };
}

async function send(request) {
  if (!table || request?.action !== "rendered-roll") return;
  const say = line([request.character?.name ?? request.character, request.title].filter((word) => typeof word === "string" && word).join(": ") || "A roll");
  // The card's HTML is of no use to anybody. The stamp makes a second sending the same roll, and equal rolls two.
  const { html, ...roll } = request;
  stamp = Math.max(Date.now(), stamp + 1);
  const body = JSON.stringify({ request: roll, timestamp: stamp });
  for (let tries = 0; ; tries += 1) {
    try {
      const response = await fetch(table.path, {
        method: "POST", body, headers: { "Content-Type": "application/json", Authorization: `Bearer ${table.token}` },
      });
      if (response.ok) {
        say("sent");
        return;
      }
      const answer = await response.json().catch(() => ({}));
      if (response.status === 401) {
        say("not taken: your game master has ended this pairing. Stop sending, and ask for a new code.", true);
        return;
      }
      if (response.status < 500 && response.status !== 429) {
        say(`not taken: ${answer.detail ?? response.status}`, true);
        return;
      }
    } catch (error) {
      console.warn("not sent", error);
    }
    if (tries >= AGAIN_MS.length) {
      say("not sent: Hubbub does not answer. This roll is lost to the stream.", true);
      return;
    }
    say("Hubbub does not answer, trying again…");
    await pause(AGAIN_MS[tries]);
  }
}

document.addEventListener("Beyond20_RenderedRoll", (event) => send([event.detail].flat()[0]));
document.addEventListener("Beyond20_Loaded", () => {
  isLoaded = true;
  show();
});
show();
