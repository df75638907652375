// "Try it simulated" for the table: a handful of rolls through the real API, each said to be a test.

import { button } from "../dom.js";

const ROLLS = [
  { notation: "2d20kh1+7", label: "Longbow", player_name: "Rook" },
  { notation: "1d8+4", label: "Longbow damage", player_name: "Rook" },
  { notation: "4d6!", label: "Fireball", player_name: "Tess" },
  { notation: "4dF+2", label: "Sneak past the guard", player_name: "Lou" },
  { notation: "1d20+5", label: "What the trap does", player_name: "Game master", visibility: "gm_only" },
];
const PAUSE_MS = 700; // one after the other, so that the stage shows each

export class Sample {
  constructor({ store, api, toasts, data }) {
    Object.assign(this, { store, api, toasts, data });
  }

  /** Rolls of a table that does not exist, on stream as real ones would be. */
  async start() {
    if (this.running) return;
    this.running = true;
    const close = this.toasts.wait("A simulated table rolls", "Five rolls, one of them secret, each marked as a test. They count for nobody.");
    try {
      const { campaign } = this.store.get();
      for (const roll of ROLLS) {
        const made = await this.api.post(`/campaigns/${campaign.id}/rolls`, { ...roll, simulated: true });
        if (this.store.get().campaign?.id !== campaign.id) return;
        this.data.put("rolls", made);
        await new Promise((done) => setTimeout(done, PAUSE_MS));
      }
    } catch (error) {
      this.toasts.fail(error, "roll at the simulated table");
    } finally {
      close();
      this.running = false;
    }
  }

  button(kind = "plain") {
    return button("Try it simulated", kind, () => this.start());
  }
}
