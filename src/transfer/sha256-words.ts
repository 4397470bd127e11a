/*
 * SHA-256 in JavaScript, on memory that is laid out as OpenSSL's SHA256_CTX. See FIPS 180-4, section 6.2.
 */

const BLOCK_BYTES = 64;
const HASH_WORDS = 8;
// In 32-bit words.
const LENGTH_LOW = 8;
const LENGTH_HIGH = 9;
const DATA = 10;
const DATA_BYTES_USED = 26;
const DIGEST_BYTES = 27;

const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const ROUND = Uint32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2,
);

export function begin(state: Uint8Array): void {
  const words = wordsOf(state);
  words.fill(0);
  words.set(INITIAL);
  words[DIGEST_BYTES] = 32;
}

export function add(state: Uint8Array, bytes: Uint8Array): void {
  const words = wordsOf(state);
  const data = dataOf(state);
  countBits(words, bytes.length);
  let used = words[DATA_BYTES_USED] ?? 0;
  for (let at = 0; at < bytes.length;) {
    const count = Math.min(BLOCK_BYTES - used, bytes.length - at);
    data.set(bytes.subarray(at, at + count), used);
    used += count;
    at += count;
    if (used < BLOCK_BYTES) continue;
    compress(words, data);
    used = 0;
    // Nothing of what was hashed stays: OpenSSL keeps whole blocks nowhere either.
    data.fill(0);
  }
  words[DATA_BYTES_USED] = used;
}

export function digestOf(state: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(state);
  const words = wordsOf(copy);
  const used = words[DATA_BYTES_USED] ?? 0;
  const lengthBits = Uint8Array.from({ length: 8 }, (_, at) =>
    byteOf(words[at < 4 ? LENGTH_HIGH : LENGTH_LOW], at % 4),
  );
  const padding = new Uint8Array(used < 56 ? 56 - used : 120 - used);
  padding[0] = 0x80;
  add(copy, padding);
  add(copy, lengthBits);
  return Uint8Array.from({ length: 4 * HASH_WORDS }, (_, at) => byteOf(words[at >> 2], at % 4));
}

/** @param at 0 is the most significant one */
function byteOf(word = 0, at: number): number {
  return (word >>> (24 - 8 * at)) & 0xff;
}

function wordsOf(state: Uint8Array): Uint32Array {
  return new Uint32Array(state.buffer, state.byteOffset, state.byteLength / 4);
}

function dataOf(state: Uint8Array): Uint8Array {
  return state.subarray(4 * DATA, 4 * DATA + BLOCK_BYTES);
}

function countBits(words: Uint32Array, bytes: number): void {
  const low = (words[LENGTH_LOW] ?? 0) + (bytes % 2 ** 29) * 8;
  words[LENGTH_LOW] = low % 2 ** 32;
  words[LENGTH_HIGH] = (words[LENGTH_HIGH] ?? 0) + Math.floor(bytes / 2 ** 29) + Math.floor(low / 2 ** 32);
}

const schedule = new Int32Array(64);

/** Indexes stay inside: the schedule and the table have 64 words each. */
function compress(hash: Uint32Array, data: Uint8Array): void {
  const view = new DataView(data.buffer, data.byteOffset, BLOCK_BYTES);
  const w = (t: number): number => schedule[t] ?? 0;
  for (let t = 0; t < 16; t += 1) schedule[t] = view.getInt32(4 * t);
  for (let t = 16; t < 64; t += 1) {
    const [w15, w2] = [w(t - 15), w(t - 2)];
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    schedule[t] = (w(t - 16) + s0 + w(t - 7) + s1) | 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let t = 0; t < 64; t += 1) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (ROUND[t] ?? 0) + w(t)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, at) => (hash[at] = (hash[at] ?? 0) + word));
  schedule.fill(0);
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
