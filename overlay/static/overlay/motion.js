// Motions that may be joined half-way: each has a start on the server's clock, and is played by the browser
// from wherever it is by now. Nothing here runs a frame of script.

const playing = new WeakMap();
/** A motion is handed to the browser this shortly before it starts, so that nothing runs while all is still. */
export const AHEAD_MS = 500;
/** Smaller differences come from the estimate of the server's clock, and are not worth a jump. */
const CLOCK_SET_MS = 50;

// The last server time that was drawn, and what the page's own clock said then: building a picture takes
// a while, and all its motions are to begin as if it took none.
let drawn = { now: NaN, at: 0 };

/** Says that what is drawn from here on is drawn as of server time `now`. */
export function markTime(now) {
  drawn = { now, at: performance.now() };
}

function onPageClock(start, now) {
  if (drawn.now !== now) markTime(now);
  return drawn.at + start - now;
}

/**
 * Plays `keyframes` on `element` for the motion `{start, duration}` (server time, ms). One motion per
 * `name` and element: asking again for the same one changes nothing, null or a past one ends it.
 * Just before its start the element is held at the first keyframe; afterwards its own style is seen, or with
 * `stay` the last keyframe until the motion is ended.
 */
export function play(element, name, motion, keyframes, now, easing = "linear", stay = false) {
  const motions = playing.get(element) ?? new Map();
  playing.set(element, motions);
  const current = motions.get(name);
  const wanted = motion !== null && now >= motion.start - AHEAD_MS && now < motion.start + motion.duration;
  const key = wanted ? `${motion.start}:${motion.duration}` : null;
  if (current !== undefined && current.key === key) {
    keepTime(current.animation, motion, now);
    return;
  }
  if (current) {
    current.animation.cancel();
    motions.delete(name);
  }
  if (!wanted) return;
  const animation = element.animate(keyframes, { duration: motion.duration, easing, fill: stay ? "both" : "backwards" });
  // Said outright, because the browser would else begin with the next frame it gets round to.
  animation.startTime = onPageClock(motion.start, now);
  motions.set(name, { key, animation });
}

/** Follows a clock that was set while the motion was playing. */
function keepTime(animation, motion, now) {
  const start = onPageClock(motion.start, now);
  if (animation.startTime !== null && Math.abs(animation.startTime - start) > CLOCK_SET_MS) animation.startTime = start;
}

/** Ends every motion of `element`. */
export function halt(element) {
  for (const { animation } of playing.get(element)?.values() ?? []) animation.cancel();
  playing.delete(element);
}

export const RISE = "cubic-bezier(.2,.8,.2,1)";
/** The CSS twin of `easeOut` in poll_view.js. */
export const EASE_OUT = "cubic-bezier(.33,1,.68,1)";
