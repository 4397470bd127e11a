import { createHash } from 'node:crypto';
import { loadKoffi } from '../base/koffi.js';
import { add, begin, digestOf } from './sha256-words.js';

/**
 * SHA-256 whose state is plain memory, so that any thread can go on where another one stopped. Node's own keeps its state
 * to itself. The layout is OpenSSL's `SHA256_CTX`.
 */
export interface Sha256 {
  begin(state: Uint8Array): void;
  add(state: Uint8Array, bytes: Uint8Array): void;
  /** Leaves the state as it is. */
  digest(state: Uint8Array): Uint8Array;
}

/** Eight words of hash, two of length, sixteen of data, two of bookkeeping. */
export const STATE_BYTES = 112;
const DIGEST_BYTES = 32;

/** Where OpenSSL cannot be called: ten times slower. */
export const portableSha256: Sha256 = { begin, add, digest: digestOf };

/** The fastest there is in this process. */
export function chooseSha256(): Sha256 {
  try {
    return openSslSha256();
  } catch {
    return portableSha256;
  }
}

/**
 * The OpenSSL that Node itself has in it, called directly.
 *
 * @throws Error when koffi is missing, or OpenSSL is not to be found in this process, or answers wrong
 * @see openssl SHA256_Init(3)
 */
export function openSslSha256(): Sha256 {
  const library = loadKoffi().load(null);
  const pointer = 'void *';
  const init = library.func('SHA256_Init', 'int', [pointer]) as (state: Uint8Array) => number;
  const update = library.func('SHA256_Update', 'int', [pointer, pointer, 'size_t']) as (
    state: Uint8Array,
    bytes: Uint8Array,
    length: number,
  ) => number;
  const final = library.func('SHA256_Final', 'int', [pointer, pointer]) as (
    digest: Uint8Array,
    state: Uint8Array,
  ) => number;
  const sha256: Sha256 = {
    begin: (state) => void init(state),
    add: (state, bytes) => void update(state, bytes, bytes.length),
    digest(state) {
      const digest = new Uint8Array(DIGEST_BYTES);
      final(digest, state.slice());
      return digest;
    },
  };
  check(sha256);
  return sha256;
}

/** Whatever library answers under these names: it has to agree with Node, and on the layout. */
function check(sha256: Sha256): void {
  const text = Uint8Array.from({ length: 200 }, (_, at) => 3 * at);
  const state = new Uint8Array(STATE_BYTES);
  sha256.begin(state);
  sha256.add(state, text.subarray(0, 70));
  portableSha256.add(state, text.subarray(70, 150));
  sha256.add(state, text.subarray(150));
  if (!createHash('sha256').update(text).digest().equals(sha256.digest(state)))
    throw new Error('OpenSSL hashes otherwise than Node says');
}
