// What this page shows, in 32 bits: the CRC-32 of the boards in the canonical form of JSON (RFC 8785), as
// server/live/fingerprint.py computes it. It goes with every ack, so that the server can tell a page that
// shows something else than it should.

const TABLE = new Uint32Array(256).map((_, n) => {
  let sum = n;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Sorted members, no white space; numbers and texts as JSON.stringify writes them. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

/** Of boards by their ids: 0 ≤ n < 2³². */
export function fingerprint(boards) {
  return crc32(new TextEncoder().encode(canonical(boards)));
}
