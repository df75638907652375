// What stands around the zones: the header, the red banner when contact is lost, the page after the session ended.

import { button, h, setData, setText, show as visible } from "./dom.js";
import { ago, serverNow } from "./time.js";

const LOST_AFTER_MS = 3000; // a reconnect that takes less is nobody's business
const ANSWERS_MS = 6000; // a status younger than this: HTTP works, only the live socket does not

/** The header and banner. `live(state)` writes words, `update(state)` what may move. */
export function frame({ store, api, campaigns, safe, keys, toasts, views, account }) {
  const linkWord = h("span", { class: "link-word" });
  const linkTag = h("p", { class: "link-tag", role: "status", "aria-label": "Connection" },
    h("i", { class: "lamp-light", "aria-hidden": "true" }), linkWord);
  const help = button("Keys", "quiet help-button", () => keys.help(), { "aria-keyshortcuts": "?" });
  help.append(h("kbd", { text: "?", "aria-hidden": "true" }));
  const signOut = button("Sign out of the desk", "quiet", async () => {
    try {
      await api.delete("/session");
      store.set({ signedOut: true });
    } catch (error) {
      toasts.fail(error, "sign out");
    }
  });
  const mine = button("Account…", "quiet", () => {
    campaigns.dialog.close();
    account.open();
  });
  campaigns.dialog.foot.append(h("span", { class: "spring" }), mine, signOut);
  const bannerTitle = h("strong");
  const bannerText = h("span");
  const bannerAge = h("span", { "aria-hidden": "true" }); // changes every second: for the eye only
  const banner = h("div", { class: "banner", role: "alert", hidden: true }, bannerTitle, " ", bannerAge, " ", bannerText);
  const top = h("header", { class: "top" }, h("p", { class: "wordmark" }, h("i", { "aria-hidden": "true" }), "Hubbub"),
    campaigns.root, views.root, h("span", { class: "spring" }), linkTag, safe.root, help);
  let gated = false;

  return {
    top,
    banner,
    live({ link, campaign, signedOut, statusAt }) {
      const since = Date.now() - link.since;
      const lost = Boolean(campaign) && link.state !== "live" && link.state !== "connecting" && since > LOST_AFTER_MS;
      setData(document.documentElement, "link", signedOut ? "out" : lost ? "lost" : link.state);
      setText(linkWord, !campaign ? "" : lost ? "not connected" : link.state === "live" ? "live" : "connecting…");
      visible(linkTag, campaign);
      if (visible(banner, lost)) {
        const answers = Date.now() - statusAt < ANSWERS_MS;
        setText(bannerTitle, answers ? "No live connection: figures are asked every 2 s instead."
          : "No contact with Hubbub.");
        setText(bannerAge, answers ? "" : `Last heard ${ago(serverNow() - since)}.`);
        setText(bannerText, answers ? "Everything works, a little later. Trying again all the time."
          : "Viewers keep the last picture. Votes that reached the server are safe. Trying again all the time; "
            + "if it lasts, look at the terminal where Hubbub runs.");
      }
    },
    update({ signedOut }) {
      if (!signedOut || gated) return;
      gated = true;
      document.getElementById("desk").replaceChildren(gate("ended"));
    },
    firstShow() {
      campaigns.open(campaigns.name.input);
    },
  };
}

/** The page instead of the desk: how to get (back) in. */
export function gate(why) {
  const title = why === "ended" ? "You are signed out" : "This desk needs your link";
  return h("main", { class: "gate" }, h("h1", { text: title }),
    h("p", {}, "You need the link from the terminal where Hubbub runs. For a new one, run ", h("code", { text: "hubbub link" }),
      " there and open what it prints. If you have an account here, you can also ", h("a", { href: "/login", text: "sign in" }), "."),
    h("p", { class: "hint", text: "The show goes on: polls, votes and overlays do not depend on this page." }),
    button("I have opened the link: reload", "accent", () => location.reload()));
}
