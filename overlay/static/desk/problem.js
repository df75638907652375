// What a call to the API ends with when it does not end well.

const STILL_RUNNING = "urn:hubbub:problem:still_running";

/** The server answered "no" (RFC 9457). */
export class Problem extends Error {
  constructor(status, body, retryAfter = null) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.type = body.type ?? "";
    this.title = body.title ?? "";
    this.detail = body.detail ?? "";
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.retryAfterMs = retryAfter === null ? 1000 : Number(retryAfter) * 1000 || 1000;
    this.unsure = false; // an earlier try of the same write may have got through
  }

  /** Neither yes nor no: an earlier try with the same key has not ended yet. */
  get stillRunning() {
    return this.type === STILL_RUNNING;
  }
}

/** Nothing came back: not reachable, or too slow. */
export class Unanswered extends Error {
  constructor(message, options) {
    super(message, options);
    this.unsure = false; // a write that may have got through
  }
}
