import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KnownBytes } from '../../../src/transfer/fingerprint.js';
import {
  BEGINNING_BYTES,
  Fingerprint,
  fingerprintMemory,
  fingerprintOf,
  knownBytesIn,
  sha256In,
} from '../../../src/transfer/fingerprint.js';
import { portableSha256 } from '../../../src/transfer/sha256.js';
import { sampleBytes } from '../../support/bare.js';

const B = BEGINNING_BYTES;

/** What passes deliver, each by another thread. */
class Passes {
  readonly memory: SharedArrayBuffer;

  constructor(memory = fingerprintMemory()) {
    this.memory = memory;
  }

  /** @returns how far it got before it was found to be over another dump; undefined: to the end of `bytes` */
  run(bytes: Uint8Array, { from = 0, to = bytes.length, chunk = 1000 } = {}): number | undefined {
    this.#thread.begin(from);
    for (let at = from; at < to; at += chunk)
      if (!this.#thread.add(at, bytes.subarray(at, Math.min(to, at + chunk)))) return at;
    return undefined;
  }

  end(length: number): boolean {
    return this.#thread.end(length);
  }

  get beginningBytes(): number {
    return this.#thread.beginningBytes;
  }

  sha256(length: number): string | undefined {
    return sha256In(this.memory, length)?.toString('hex');
  }

  get #thread(): Fingerprint {
    return new Fingerprint(this.memory, portableSha256);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function changedAt(bytes: Uint8Array, at: number): Uint8Array {
  const other = Uint8Array.from(bytes);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
}

test.each([1, 4095, 4096, 4097, 100_000])('the digest of %i bytes is known after one pass', (size) => {
  const passes = new Passes();
  const dump = sampleBytes(size);
  expect(passes.run(dump)).toBeUndefined();
  expect(passes.sha256(size)).toBeUndefined();
  expect(passes.end(size)).toBe(true);
  expect(passes.sha256(size)).toBe(sha256(dump));
  expect(passes.sha256(size + 1)).toBeUndefined();
});

test('the digest is known after passes without a gap, however they overlap', () => {
  const size = 50_000;
  const dump = sampleBytes(size);
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ from: fc.nat(size), bytes: fc.nat(20_000), chunk: fc.integer({ min: 1, max: 5000 }) }),
      ),
      (runs) => {
        const passes = new Passes();
        let known = 0;
        for (const { from, bytes, chunk } of runs) {
          const to = Math.min(size, from + bytes);
          expect(passes.run(dump, { from, to, chunk })).toBeUndefined();
          if (from <= known) known = Math.max(known, to);
        }
        expect(passes.run(dump, { from: known })).toBeUndefined();
        expect(passes.end(size)).toBe(true);
        expect(passes.sha256(size)).toBe(sha256(dump));
      },
    ),
  );
});

test('nothing has no digest', () => {
  const passes = new Passes();
  passes.run(sampleBytes(0));
  passes.end(0);
  expect(passes.sha256(0)).toBeUndefined();
});

test('a gap leaves the digest unknown until a pass has filled it', () => {
  const passes = new Passes();
  const dump = sampleBytes(20_000);
  passes.run(dump, { to: 5000 });
  passes.run(dump, { from: 6000 });
  expect(passes.end(20_000)).toBe(true);
  expect(passes.sha256(20_000)).toBeUndefined();
  passes.run(dump, { from: 5000 });
  passes.end(20_000);
  expect(passes.sha256(20_000)).toBe(sha256(dump));
});

test.each([
  { known: 20_000, differs: 0, noticed: 4000 },
  { known: 20_000, differs: B - 1, noticed: 4000 },
  { known: 20_000, differs: B, noticed: 19_000 },
  { known: 20_000, differs: 19_999, noticed: 19_000 },
  { known: 19_500, differs: 19_499, noticed: 19_000 },
  { known: 3000, differs: 17, noticed: 2000 },
  { known: B, differs: 17, noticed: 4000 },
])(
  'a pass over another dump, which differs at $differs, is noticed before its bytes are taken in ($known known)',
  ({ known, differs, noticed }) => {
    const passes = new Passes();
    const dump = sampleBytes(30_000);
    passes.run(dump, { to: known });
    expect(passes.run(changedAt(dump, differs))).toBe(noticed);
    expect(passes.run(dump), 'nothing of the other one was learned').toBeUndefined();
    passes.end(30_000);
    expect(passes.sha256(30_000)).toBe(sha256(dump));
  },
);

test('what differs behind all that was delivered is no other dump', () => {
  const passes = new Passes();
  const dump = sampleBytes(30_000);
  const other = changedAt(dump, 20_000);
  passes.run(dump, { to: 20_000 });
  expect(passes.run(other)).toBeUndefined();
  passes.end(30_000);
  expect(passes.sha256(30_000)).toBe(sha256(other));
});

test('a pass that begins again before it was compared to the end is compared from the beginning', () => {
  const passes = new Passes();
  const dump = sampleBytes(30_000);
  passes.run(dump, { to: 20_000 });
  expect(passes.run(dump, { to: 10_000 })).toBeUndefined();
  expect(passes.run(changedAt(dump, 15_000))).toBe(19_000);
});

test('a pass that ends before what was delivered is over another dump', () => {
  const passes = new Passes();
  const dump = sampleBytes(20_000);
  passes.run(dump);
  passes.end(20_000);
  passes.run(dump, { to: 10_000 });
  expect(passes.end(10_000)).toBe(false);
});

test('the beginning that is compared is as long as what is known', () => {
  const passes = new Passes();
  expect(passes.beginningBytes).toBe(0);
  passes.run(sampleBytes(1000));
  expect(passes.beginningBytes).toBe(1000);
  passes.run(sampleBytes(9000));
  expect(passes.beginningBytes).toBe(B);
});

test('a thread that dies while it writes leaves nothing that counts', () => {
  const passes = new Passes();
  const dump = sampleBytes(20_000);
  const dying = new Fingerprint(passes.memory, {
    ...portableSha256,
    add: () => {
      throw new Error('the thread dies');
    },
  });
  dying.begin(0);
  expect(() => dying.add(0, dump)).toThrow('dies');
  expect(passes.run(dump)).toBeUndefined();
  passes.end(20_000);
  expect(passes.sha256(20_000)).toBe(sha256(dump));
});

test('the memory holds no byte of the dump once whole chunks have been taken in', () => {
  const passes = new Passes();
  const dump = Buffer.alloc(3 * B, 'secret');
  passes.run(dump, { chunk: B });
  expect(Buffer.from(new Uint8Array(passes.memory)).includes('secret')).toBe(false);
});

/** What another process makes of what this one has handed over. */
function handedOver(passes: Passes): Passes {
  const known = knownBytesIn(passes.memory, portableSha256);
  if (known === undefined) throw new Error('nothing is known');
  return new Passes(fingerprintOf(JSON.parse(JSON.stringify(known)) as KnownBytes));
}

test('another process knows the same dump again, goes on with it, and hands over again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 * B }), fc.nat(), fc.nat(), (size, first, second) => {
      const dump = sampleBytes(size);
      const before = new Passes();
      before.run(dump, { to: 1 + (first % size) });
      const after = handedOver(before);
      // As far as it got before, or less, or more.
      expect(after.run(dump, { to: 1 + (second % size) })).toBeUndefined();
      const last = handedOver(after);
      expect(last.run(dump)).toBeUndefined();
      expect(last.end(size)).toBe(true);
      expect(last.sha256(size)).toBe(sha256(dump));
    }),
  );
});

test('another process finds out that it has another dump before that gets further', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 * B }), fc.nat(), fc.nat(), (size, cut, place) => {
      const dump = sampleBytes(size);
      const length = 1 + (cut % size);
      const before = new Passes();
      before.run(dump, { to: length });
      const found = handedOver(before).run(changedAt(dump, place % length), { chunk: 1000 });
      expect(found).toBeLessThan(length);
    }),
  );
});

test('a whole dump is whole for another process, and a shorter one is another dump', () => {
  const dump = sampleBytes(2 * B + 5);
  const before = new Passes();
  before.run(dump);
  before.end(dump.length);
  const after = handedOver(before);
  expect(after.sha256(dump.length)).toBe(sha256(dump));
  after.run(dump, { to: B + 5 });
  expect(after.end(B + 5)).toBe(false);
});

test('a pass from the middle teaches another process nothing', () => {
  const dump = sampleBytes(3 * B);
  const before = new Passes();
  before.run(dump, { to: B });
  const after = handedOver(before);
  after.run(dump, { from: B });
  expect(after.end(dump.length)).toBe(true);
  expect(after.sha256(dump.length)).toBeUndefined();
  expect(knownBytesIn(after.memory, portableSha256)?.length).toBe(B);
});

test('what is handed over has no byte of the dump', () => {
  const dump = Buffer.from('SECRET'.repeat(20));
  const passes = new Passes();
  passes.run(dump);
  const text = JSON.stringify(knownBytesIn(passes.memory, portableSha256));
  expect(text).not.toContain('SECRET');
  expect(text).not.toContain(Buffer.from('SECRET').toString('hex'));
});

/** As a thread does that is at it just now. */
function beginWriting({ memory }: Passes): void {
  const writes = 6;
  Atomics.add(new Int32Array(memory), writes, 1);
}

test('another process tells another dump by its first chunk', () => {
  const dump = sampleBytes(3 * B);
  const before = new Passes();
  before.run(dump, { to: 2 * B });
  expect(knownBytesIn(before.memory, portableSha256)).toEqual({
    length: 2 * B,
    digest: sha256(dump.subarray(0, 2 * B)),
    beginning: sha256(dump.subarray(0, B)),
    isWhole: false,
  });
  expect(handedOver(before).run(changedAt(dump, 1), { chunk: B })).toBe(0);
});

test('less than a chunk has no beginning of its own', () => {
  const before = new Passes();
  before.run(sampleBytes(B - 1));
  expect(knownBytesIn(before.memory, portableSha256)?.beginning).toBeUndefined();
});

test('a pass that begins where another process was and brings nothing makes nothing known', () => {
  const dump = sampleBytes(2 * B);
  const before = new Passes();
  before.run(dump);
  const after = handedOver(before);
  after.run(dump, { from: 2 * B });
  expect(after.end(2 * B)).toBe(true);
  expect(after.sha256(2 * B)).toBeUndefined();
});

test('what a thread is writing is not handed over', () => {
  const passes = new Passes();
  passes.run(sampleBytes(B));
  beginWriting(passes);
  expect(knownBytesIn(passes.memory, portableSha256)).toBeUndefined();
});

test.each([
  { times: 1, looks: 2 },
  { times: 19, looks: 20 },
  { times: Infinity, looks: 20 },
])(
  'what a thread wrote in the middle of $times looks is looked at $looks times in all',
  ({ times, looks }) => {
    const passes = new Passes();
    const dump = sampleBytes(100);
    passes.run(dump, { to: 10 });
    let looked = 0;
    const digest = (state: Uint8Array): Uint8Array => {
      const before = portableSha256.digest(state);
      looked += 1;
      if (looked <= times) passes.run(dump, { to: 10 + looked });
      return before;
    };
    const known = knownBytesIn(passes.memory, { ...portableSha256, digest });
    expect(looked).toBe(looks);
    expect(known?.length).toBe(looks > times ? 10 + times : undefined);
    if (known !== undefined) expect(known.digest).toBe(sha256(dump.subarray(0, known.length)));
  },
);

test('while nothing is known, nothing is handed over', () => {
  expect(knownBytesIn(fingerprintMemory(), portableSha256)).toBeUndefined();
});

test('one byte at a time is compared like any other pass', () => {
  const passes = new Passes();
  const dump = sampleBytes(10, 1);
  passes.run(dump);
  expect(passes.run(changedAt(dump, 5), { chunk: 1 })).toBe(9);
});

test('what a thread left half written is forgotten', () => {
  const passes = new Passes();
  passes.run(sampleBytes(B, 1));
  beginWriting(passes);
  passes.run(sampleBytes(10, 2), { to: 0 });
  expect(passes.beginningBytes).toBe(0);
});
