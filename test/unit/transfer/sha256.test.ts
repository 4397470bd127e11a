import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sha256 } from '../../../src/transfer/sha256.js';
import { STATE_BYTES, openSslSha256, portableSha256 } from '../../../src/transfer/sha256.js';

/** OpenSSL's, or why it is not there. */
function openSsl(): { readonly engine?: Sha256; readonly why?: string } {
  try {
    return { engine: openSslSha256() };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

const { engine, why = '' } = openSsl();

function digestInPieces(engines: readonly Sha256[], pieces: readonly Uint8Array[]): string {
  const state = new Uint8Array(new SharedArrayBuffer(STATE_BYTES));
  const [first = portableSha256] = engines;
  first.begin(state);
  pieces.forEach((piece, at) => engines[at % engines.length]?.add(state, piece));
  return Buffer.from(first.digest(state)).toString('hex');
}

function nodeDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const PIECES = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });

describe.each([
  { name: 'in JavaScript', engines: [portableSha256], skip: '' },
  { name: 'of OpenSSL', engines: [engine], skip: why },
  { name: 'of both in turn', engines: [portableSha256, engine], skip: why },
])('SHA-256 $name $skip', ({ engines, skip }) => {
  const usable = engines.filter((each) => each !== undefined);

  test.skipIf(skip !== '')('is what Node says, in whatever pieces', () => {
    fc.assert(
      fc.property(PIECES, (pieces) => {
        expect(digestInPieces(usable, pieces)).toBe(nodeDigest(Buffer.concat(pieces)));
      }),
    );
  });

  test.skipIf(skip !== '')('can be asked in the middle, and goes on', () => {
    const state = new Uint8Array(STATE_BYTES);
    const text = Buffer.alloc(10_000, 'a dump');
    usable[0]?.begin(state);
    for (let at = 0; at < text.length; at += 1000) {
      usable.at(-1)?.add(state, text.subarray(at, at + 1000));
      expect(Buffer.from(usable[0]?.digest(state) ?? []).toString('hex')).toBe(
        nodeDigest(text.subarray(0, at + 1000)),
      );
    }
  });

  test.skipIf(skip !== '')('counts more than 512 MiB, whose bits take more than 32 bits to count', () => {
    const state = new Uint8Array(STATE_BYTES);
    usable[0]?.begin(state);
    // As after 512 MiB less one block.
    new Uint32Array(state.buffer)[8] = 2 ** 32 - 512;
    usable[0]?.add(state, new Uint8Array(128));
    expect([...new Uint32Array(state.buffer).subarray(8, 10)]).toEqual([512, 1]);
  });
});
