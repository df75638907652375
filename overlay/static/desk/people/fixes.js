// What the buttons beside a check or an issue do. The server says which one mends it; here it is pressed.

import { button, h } from "../dom.js";

/** For the page that comes back from a platform: it looks whether all is well now. */
const AFTERWARDS = "hubbub.check-again";

const DONE = {
  agree: ["Agreed", "For 12 hours, or until you take it back under People."],
  check_again: ["Looking again", "The platform is asked; the answer is here within seconds."],
  remind: ["Reminded", "Their desk says that the show waits for them."],
  subscribe_again: ["Kick is asked again", "Whether it delivers is known within seconds."],
};

export class Fixes {
  /** `ways`: places of the desk. `mended()` is called after something has been done. */
  constructor(store, api, toasts, ways) {
    Object.assign(this, { store, api, toasts, ways, mended: () => {} });
    /** Whether this page was opened by the way back from a platform that a button began. */
    this.isBack = sessionStorage.getItem(AFTERWARDS) !== null;
    sessionStorage.removeItem(AFTERWARDS);
  }

  /** The button for `fix` (ButtonOut of the API). */
  button(fix) {
    const control = button(fix.label, "plain small fix", async () => {
      control.disabled = true;
      await this.press(fix);
      control.disabled = false;
    });
    return control;
  }

  async press(fix) {
    const { campaign } = this.store.get();
    const show = `/campaigns/${campaign.id}`;
    try {
      switch (fix.do) {
        case "link": {
          const { url } = await this.api.post(`/account/accounts/${fix.platform}`, { wants: "channel", return_to: "/desk" });
          sessionStorage.setItem(AFTERWARDS, "1");
          location.assign(url);
          return;
        }
        case "agree": await this.api.post(`${show}/consents`, { capabilities: ["polls"] }); break;
        case "check_again":
          await this.api.post(`${show}/readiness/check-again`, { platform: fix.platform, channel_id: fix.account_id, code: fix.code });
          break;
        case "remind": await this.api.post(`/members/${fix.member_id}/remind`); break;
        case "subscribe_again": await this.api.post(`/channels/${fix.channel_id}/subscribe-again`); break;
        case "add_channel": this.ways.addChannel(); return;
        case "add_overlay": this.ways.addOverlay(); return;
        default: this.ways.show(fix.place); return;
      }
      this.toasts.note(...DONE[fix.do]);
      this.mended();
    } catch (error) {
      this.toasts.fail(error, fix.label.toLowerCase());
    }
  }
}

/** Keeps one button of `fixes` in `place` as long as it means the same. */
export function keepButton(place, fixes, fix) {
  const key = fix ? JSON.stringify(fix) : "";
  if (place.dataset.fix === key) return;
  place.dataset.fix = key;
  place.replaceChildren(...(fix ? [fixes.button(fix)] : []));
  place.hidden = !fix;
}

/** An empty place for it. */
export const fixPlace = () => h("div", { class: "row fix-place", hidden: true });
