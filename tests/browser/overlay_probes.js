// What the overlay's tests ask a page; put into it before its own scripts (overlay_harness.py).

(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const serverNow = () => Date.now() + document.querySelector("hb-stage").offset;

  /** Every running animation: what it moves, by which keyframes, and its start on the server's clock. */
  function motions() {
    const now = serverNow();
    const found = document.getAnimations().map((animation) => {
      const { delay, duration } = animation.effect.getTiming();
      const { className } = animation.effect.target;
      const frames = animation.effect.getKeyframes().map((k) => [k.computedOffset, k.transform, k.opacity]);
      return [className.baseVal ?? className, JSON.stringify(frames), duration, now - animation.currentTime + delay];
    });
    return found.sort((x, y) => JSON.stringify(x).localeCompare(JSON.stringify(y)));
  }

  const { setTimeout: timeout, setInterval: interval, requestAnimationFrame: frame } = window;
  const frozen = [];

  /** Stops the stage and every animation; returns the motions there were. */
  function freeze() {
    document.querySelector("hb-stage").asleep = true;
    const now = serverNow();
    const clock = performance.now();
    const found = motions();
    for (const animation of document.getAnimations()) {
      // The time of a timeline stands still between frames, and frames may be far apart on a busy machine.
      const { startTime } = animation;
      const start = startTime === null ? now - animation.currentTime : now + startTime - clock;
      frozen.push({ animation, start });
      animation.pause();
    }
    return { now, motions: found };
  }

  /** Turns everything that was frozen to one server time. */
  function turnTo(at) {
    for (const { animation, start } of frozen) animation.currentTime = at - start;
  }

  /**
   * Makes it server time `at` − `ms`, lets so many ms pass, and holds everything as it is at `at`; how many
   * motions run there. With 0 ms it is as if the page had been loaded at that instant.
   */
  async function play([at, ms]) {
    const stage = document.querySelector("hb-stage");
    // Everything is over, and then begins anew: nothing is left of the time before.
    stage.offset = at + 1e9 - Date.now();
    stage.offset = at - ms - Date.now();
    if (ms > 0) await new Promise((done) => timeout(done, ms));
    const { motions: running } = freeze();
    turnTo(at);
    return running.length;
  }

  /** Keyframes that move something, of the animations that run. */
  function movingFrames() {
    const frames = document.getAnimations().flatMap((animation) => animation.effect.getKeyframes());
    return frames.filter((frame) => frame.transform !== undefined).length;
  }

  /** Where the second bar and its number are, and where the view has them at this instant. */
  async function race() {
    const main = document.querySelector("script[src]").src;
    const { pollView } = await import(main.replace("main.js", "poll_view.js"));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const stage = document.querySelector("hb-stage");
    const lane = all(".hb-lane")[1].getBoundingClientRect();
    const fill = all(".hb-fill")[1].getBoundingClientRect();
    const row = pollView(Object.values(stage.boards)[0], serverNow(), {}).rows[1];
    return {
      bar: (fill.right - lane.left) / lane.width,
      wantedBar: row.share * row.raced,
      number: Number(all(".hb-number")[1].textContent),
      wantedNumber: row.percent,
    };
  }

  function beyond(inner, outer, slack) {
    return inner.left < outer.left - slack || inner.right > outer.right + slack
      || inner.top < outer.top - slack || inner.bottom > outer.bottom + slack;
  }

  /** Everything that is not where it belongs, in words. */
  function misplaced() {
    const wrong = [];
    const safe = document.querySelector(".hb-safe").getBoundingClientRect();
    for (const poll of all("hb-poll")) {
      if (beyond(poll.getBoundingClientRect(), safe, 1)) wrong.push("the card leaves the safe area");
      const plate = poll.querySelector(".hb-card").getBoundingClientRect();
      const parts = ".hb-question, .hb-status, .hb-label, .hb-figures, .hb-ring, .hb-jar, .hb-footer, .hb-row";
      for (const part of poll.querySelectorAll(parts)) {
        const box = part.getBoundingClientRect();
        if (box.width > 0 && beyond(box, plate, 1)) wrong.push(`${part.className} leaves the plate`);
      }
      for (const row of poll.querySelectorAll(".hb-row")) {
        const label = row.querySelector(".hb-label").getBoundingClientRect();
        const figures = row.querySelector(".hb-figures").getBoundingClientRect();
        const lane = row.querySelector(".hb-lane").getBoundingClientRect();
        if (figures.width > 0 && label.right > figures.left + 1) wrong.push("a label runs into its figures");
        if (label.top < lane.top - 4 || label.bottom > lane.bottom + 4) wrong.push("a label leaves its row");
      }
    }
    return wrong;
  }

  const shownBox = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) ? box : null;
  };

  /** What the table's widgets do to each other, to their texts and to the edge, in words. */
  function crowded() {
    const wrong = [];
    const safe = document.querySelector(".hb-safe").getBoundingClientRect();
    const canvas = document.querySelector(".hb-canvas");
    const real = canvas.getBoundingClientRect().width / canvas.offsetWidth;
    const plates = all(".hb-place").flatMap((place) =>
      Array.from(place.querySelectorAll(".hb-card, .hb-word, .hb-more, .hb-mark"), (plate) => [place, plate, shownBox(plate)]));
    for (const [place, plate, box] of plates) {
      if (box === null) continue;
      if (beyond(box, safe, 6 * real)) wrong.push(`${plate.className} leaves the safe area`);
      for (const [other, neighbour, its] of plates) {
        if (its === null || other === place || place.compareDocumentPosition(other) & 2) continue;
        if (box.left < its.right - 1 && its.left < box.right - 1 && box.top < its.bottom - 1 && its.top < box.bottom - 1) {
          wrong.push(`${plate.className} covers ${neighbour.className}`);
        }
      }
    }
    const texts = document.createTreeWalker(document.querySelector(".hb-safe"), NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const element = node.parentElement;
      if (element instanceof SVGElement || node.data.trim() === "" || shownBox(element) === null) continue;
      const size = parseFloat(getComputedStyle(element).fontSize);
      if (size < 24) wrong.push(`${element.className} has letters of ${size} px`);
      const range = document.createRange();
      range.selectNodeContents(element);
      const plate = element.closest(".hb-card, .hb-word, .hb-more, .hb-mark").getBoundingClientRect();
      const glyphs = range.getBoundingClientRect();
      const clips = getComputedStyle(element).overflow === "hidden";
      const box = clips ? element.getBoundingClientRect() : glyphs;
      if (beyond({ left: box.left, right: box.right, top: plate.top, bottom: plate.bottom }, plate, 3 * real)) {
        wrong.push(`${element.className} "${node.data.slice(0, 20)}" leaves its plate`);
      }
    }
    return [...new Set(wrong)];
  }

  /** Covers the card, and hides or shows its texts: what is left is what they paint outside of it. */
  function coverCard(hideTexts) {
    for (const text of all(".hb-label, .hb-question")) text.style.visibility = hideTexts ? "hidden" : "";
    document.querySelector(".hb-ring").style.visibility = "hidden";
    const card = document.querySelector(".hb-card").getBoundingClientRect();
    const mask = document.getElementById("mask") ?? document.body.appendChild(document.createElement("div"));
    mask.id = "mask";
    Object.assign(mask.style, {
      position: "fixed",
      zIndex: 9,
      background: "#000",
      left: `${card.left}px`,
      top: `${card.top}px`,
      width: `${card.width}px`,
      height: `${card.height}px`,
    });
  }

  /** Option and upper edge of every row. */
  function places() {
    return all(".hb-row").map((row) => [row.dataset.option, row.getBoundingClientRect().top]);
  }

  /** The texts that must survive on a phone: text, box of the glyphs, size of the font in real pixels. */
  function textBoxes() {
    return all(".hb-label, .hb-question, .hb-number").map((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      const { x, y, width, height } = range.getBoundingClientRect();
      const scale = element.getBoundingClientRect().width / element.offsetWidth;
      const size = parseFloat(getComputedStyle(element).fontSize) * scale;
      return { text: element.textContent, box: [x, y, width, height].map(Math.round), size };
    });
  }

  async function pixels(png, box = null) {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(...(box ?? [0, 0, image.width, image.height])).data;
  }

  /** The part of the pixels in which two pictures differ visibly. */
  async function differing([one, other]) {
    const [a, b] = [await pixels(one), await pixels(other)];
    let wrong = 0;
    for (let i = 0; i < a.length; i += 4) {
      const distance = Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2]);
      if (distance > 48) wrong += 1;
    }
    return wrong / (a.length / 4);
  }

  /** How many pixels of a picture are not fully transparent. */
  async function opaque(png) {
    return (await pixels(png)).filter((value, i) => i % 4 === 3 && value > 0).length;
  }

  /** Contrast between the brightest pixels in a box and its ground. */
  async function contrast([png, box]) {
    const data = await pixels(png, box);
    const linear = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const light = [];
    for (let i = 0; i < data.length; i += 4) {
      light.push(0.2126 * linear(data[i]) + 0.7152 * linear(data[i + 1]) + 0.0722 * linear(data[i + 2]));
    }
    light.sort((a, b) => a - b);
    return (light[Math.floor(light.length * 0.97)] + 0.05) / (light[Math.floor(light.length * 0.3)] + 0.05);
  }

  /** The times between frames during so many ms, as the page itself measures them. */
  function frames(ms) {
    return new Promise((done) => {
      const gaps = [];
      let last = null;
      const step = (time) => {
        if (last !== null) gaps.push(time - last);
        last = time;
        if (gaps.reduce((sum, gap) => sum + gap, 0) < ms) frame(step);
        else done(gaps);
      };
      frame(step);
    });
  }

  /** Counts from now on what wakes the page: timers and frames that were run. */
  const wakes = { timers: 0, frames: 0 };
  window.setTimeout = (run, ms, ...rest) => timeout(() => { wakes.timers += 1; run(...rest); }, ms);
  window.setInterval = (run, ms, ...rest) => interval(() => { wakes.timers += 1; run(...rest); }, ms);
  window.requestAnimationFrame = (run) => frame((time) => { wakes.frames += 1; run(time); });
  const forgetWakes = () => Object.assign(wakes, { timers: 0, frames: 0 });

  /** Every text that the counts have had, in order; and when the first card was there. */
  const counts = [];
  let drawn = null;
  new MutationObserver(() => {
    if (drawn === null && document.querySelector(".hb-card")) drawn = performance.now();
    const line = all(".hb-count").map((element) => element.textContent).join();
    if (line !== "" && line !== counts[counts.length - 1]) counts.push(line);
  }).observe(document, { subtree: true, childList: true, characterData: true });

  window.probes = {
    freeze, turnTo, play, movingFrames, race, misplaced, crowded, frames, coverCard, places, textBoxes, differing, opaque, contrast,
    wakes, forgetWakes, counts, drawn: () => drawn,
  };
})();
