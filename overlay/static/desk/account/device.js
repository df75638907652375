// Linking by a code that is typed on another device, for a Hubbub that no provider can send a browser back to.

import { button, h, setText, show as visible } from "../dom.js";
import { failure } from "../words.js";

export class DeviceLink {
  constructor(api, toasts, changed) {
    Object.assign(this, { api, toasts, changed, run: 0 });
    this.code = h("p", { class: "device-code" });
    this.page = h("a", { class: "button accent", target: "_blank", rel: "noopener noreferrer" });
    this.state = h("p", { class: "help", role: "status" });
    this.root = h("div", { class: "teach", hidden: true },
      h("p", { text: "Type this code there, on any device on which you are signed in. Only if you have just begun this yourself." }),
      this.code, this.state, h("div", { class: "row" }, this.page, button("Give up", "plain", () => this.stop())));
  }

  stop() {
    this.run += 1;
    visible(this.root, false);
  }

  async begin(way) {
    this.stop();
    const mine = this.run;
    try {
      const begun = await this.api.post("/device-sign-ins", { provider: way.provider, link: true, wants: "channel" });
      if (mine !== this.run) return;
      setText(this.code, begun.user_code);
      setText(this.page, `Open ${way.name}`);
      this.page.href = begun.verification_uri;
      setText(this.state, "Waiting for you to confirm it there.");
      visible(this.root, true);
      await this.wait(mine, begun, way);
    } catch (error) {
      this.stop();
      this.toasts.fail(error, `link ${way.name}`);
    }
  }

  async wait(mine, begun, way) {
    const ends = Date.now() + begun.expires_in_s * 1000;
    while (mine === this.run && Date.now() < ends) {
      await new Promise((done) => setTimeout(done, begun.interval_s * 1000));
      if (mine !== this.run) return;
      try {
        const answer = await this.api.post(`/device-sign-ins/${begun.id}/check`);
        if (answer.state !== "linked") continue;
        this.stop();
        this.toasts.note("Linked", `${way.name} is one of your ways to sign in now.`);
        await this.changed();
        return;
      } catch (error) {
        if (error.status && error.status < 500) throw error;
        setText(this.state, failure(error, "look whether you have confirmed it").title);
      }
    }
    if (mine === this.run) {
      this.stop();
      this.toasts.warn("The code has ended", "Nobody has confirmed it in time. Begin again.");
    }
  }
}
