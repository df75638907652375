// Tab "Fairness": what each player's dice did, and what can honestly be said of them.

import { button, h, mirror, setAttr, setData, setText, show as visible } from "../dom.js";
import { Switch } from "../fields.js";
import { many } from "../time.js";
import { fairWords, luckWords } from "./words.js";

const MOST_BARS = 20; // a d100 is drawn in tens

export class Fairness {
  constructor(desk) {
    Object.assign(this, desk);
    this.needs = ["stats"];
    this.hidden = new Switch("Of secret rolls instead", "Only here; never on stream.", () => {
      this.data.set({ hiddenStats: this.hidden.value, stats: null });
      this.data.load("stats");
    });
    this.luck = h("p", { class: "luckiest" });
    this.showCard = button("Show on stream", "accent small", () => this.card());
    this.list = h("ul", { class: "players" });
    this.loading = h("p", { class: "hint", text: "Counting the dice…" });
    this.empty = h("div", { class: "teach" }, h("p", {}, h("strong", { text: "Are the dice fair? " }),
      "Every die that falls is counted here by player and kind: how often each face came, and whether that is still chance. From 30 dice on, the luckiest roller can go on stream."),
    h("div", { class: "row" }, button("Roll by hand", "accent", () => this.show("dice"))));
    this.head = h("div", { class: "luck-head" }, this.luck, this.showCard);
    this.root = h("div", { class: "fairness-panel" }, this.head, this.hidden.root, this.loading, this.empty, this.list,
      h("p", { class: "hint", text: "Every die that fell counts, dropped and rerolled ones too. Tests and rolls that Hubbub ordered do not." }));
  }

  async card() {
    const { campaign } = this.store.get();
    try {
      const { luckiest } = await this.api.post(`/campaigns/${campaign.id}/dice-stats/show`);
      this.toasts.note([h("span", { class: "name", text: luckiest.name }), " is on stream as the luckiest roller"]);
    } catch (error) {
      this.toasts.fail(error, "show the luckiest roller");
    }
  }

  update({ table }) {
    const { stats, hiddenStats } = table;
    this.hidden.value = hiddenStats;
    visible(this.loading, stats === null && !table.troubles.stats);
    const players = stats?.players ?? [];
    visible(this.empty, stats && players.length === 0);
    const lucky = stats?.luckiest;
    visible(this.head, lucky && !hiddenStats);
    this.luck.replaceChildren("Luckiest: ", h("strong", { class: "name", text: lucky?.name ?? "" }),
      ` · ${luckWords(lucky?.z ?? 0)}, ${many(lucky?.count ?? 0, "die", "dice")}`);
    mirror(this.list, players, ({ key }) => key, () => this.player());
  }

  player() {
    const name = h("strong", { class: "name", dir: "auto" });
    const facts = h("span", { class: "lamp-facts" });
    const dice = h("ul", { class: "die-stats" });
    return {
      root: h("li", { class: "player" }, h("p", { class: "lamp-line" }, name, facts), dice),
      update(player) {
        setText(name, player.name);
        setText(facts, `${many(player.count, "die", "dice")} · ${player.count >= 30 ? luckWords(player.luck) : "too few for luck"}`);
        mirror(dice, player.dice.map((die) => ({ die, name: player.name })), ({ die }) => die.sides, () => dieStats());
      },
    };
  }
}

function dieStats() {
  const title = h("strong", { class: "die-name" });
  const facts = h("span", { class: "lamp-facts" });
  const chart = h("div", { class: "chart", role: "img" });
  const verdict = h("p", { class: "fair-words" });
  const streaks = h("p", { class: "lamp-facts" });
  let written = "";
  return {
    root: h("li", { class: "die-stat" }, h("p", { class: "lamp-line" }, title, facts), chart, verdict, streaks),
    update({ die }) {
      const now = JSON.stringify(die);
      if (now === written) return;
      written = now;
      const { tone, text } = fairWords(die);
      setText(title, `d${die.sides}`);
      const lowest = die.sides === "F" ? -1 : 1;
      const expected = lowest + (die.distribution.length - 1) / 2;
      setText(facts, `${many(die.count, "die", "dice")} · mean ${die.mean === null ? "–" : die.mean.toFixed(2).replace("-", "−")}, fair ${expected}`);
      const bars = binned(die.distribution, lowest);
      const most = Math.max(1, ...bars.map(({ times }) => times));
      const fair = die.count / bars.length / most;
      chart.style.setProperty("--fair", Math.min(1, fair));
      chart.replaceChildren(...bars.map(({ label, times }) => {
        const fill = h("i");
        fill.style.transform = `scaleY(${times / most})`;
        return h("span", { class: "chart-bar", title: `${label}: ${many(times, "time")}` }, h("span", { class: "chart-room" }, fill),
          h("span", { class: "chart-label", text: label }));
      }));
      setData(chart, "many", bars.length > 12);
      setAttr(chart, "aria-label", `How often each face fell: ${bars.map(({ label, times }) => `${label}: ${times}`).join(", ")}`);
      setData(verdict, "tone", tone);
      setText(verdict, text);
      const runs = [die.longest_high > 2 && `${die.longest_high} high ones`, die.longest_low > 2 && `${die.longest_low} low ones`,
        die.longest_same > 2 && `${die.longest_same} times the same`].filter(Boolean);
      setText(streaks, runs.length ? `Longest in a row: ${runs.join(", ")}` : "");
      visible(streaks, runs.length);
    },
  };
}

/** One bar a face, or one for several faces of a large die. */
function binned(distribution, lowest) {
  const size = Math.ceil(distribution.length / MOST_BARS);
  if (size === 1) return distribution.map((times, index) => ({ label: String(lowest + index).replace("-", "−"), times }));
  const step = distribution.length === 100 ? 10 : size;
  const bars = [];
  for (let at = 0; at < distribution.length; at += step) {
    const part = distribution.slice(at, at + step);
    bars.push({ label: `${lowest + at}–${lowest + at + part.length - 1}`, times: part.reduce((sum, times) => sum + times, 0) });
  }
  return bars;
}
