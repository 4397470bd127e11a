import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DumpRecord, SimFirmware, readGenerated } from '../../../../src/source/sim/index.js';
import type { Fault } from '../../../../src/source/sim/index.js';
import { SequenceCodec } from '../../../../src/source/sim/sequence.js';
import { OTHER_TAG, TAG, firmwareWith, generated, transfer } from './machine-support.js';

const buffer = (): Uint8Array => new Uint8Array(4096);

describe('SimFirmware.call delivers', () => {
  test.each([
    { size: 0, calls: [[0, 0]] },
    { size: 1, calls: [[0, 1]] },
    { size: 4096, calls: [[0, 4096]] },
    {
      size: 4097,
      calls: [
        [1, 4096],
        [0, 1],
      ],
    },
    {
      size: 10_000,
      calls: [
        [1, 4096],
        [1, 4096],
        [0, 1808],
      ],
    },
  ])('$size bytes as $calls', ({ size, calls }) => {
    const { firmware } = firmwareWith(size);
    const pass = transfer(firmware);
    expect(pass.answers).toEqual(calls);
    expect(pass.bytes.equals(generated(size))).toBe(true);
  });

  test('as much as a longer buffer holds', () => {
    expect(transfer(firmwareWith(70_000).firmware, TAG, 65_536).answers).toEqual([
      [1, 65_536],
      [0, 4464],
    ]);
  });

  test('the same again after a restart in the middle', () => {
    const { firmware } = firmwareWith(50_000);
    firmware.call(TAG, firmware.call(TAG, 0n, buffer()).nextSequence, buffer());
    expect(transfer(firmware).bytes.equals(generated(50_000))).toBe(true);
  });

  test('chunks of one length, cut to the buffer', () => {
    const { firmware } = firmwareWith(10_000, { side: { chunk: [3000, 3000] } });
    expect(transfer(firmware).answers.map(([, bytes]) => bytes)).toEqual([3000, 3000, 3000, 1000]);
    expect(transfer(firmware, TAG, 1024).answers).toHaveLength(10);
  });

  test('chunks of varying length within their range', () => {
    const { firmware } = firmwareWith(200_000, { side: { chunk: [1000, 1500] } });
    const lengths = transfer(firmware)
      .answers.slice(0, -1)
      .map(([, bytes]) => bytes);
    expect(new Set(lengths).size).toBeGreaterThan(50);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1500);
  });

  test('the bytes beyond 4 GiB', () => {
    const size = 2 ** 52 + 5;
    const { firmware, facts } = firmwareWith(size, { discipline: 'librtas' });
    firmware.call(TAG, 0n, buffer());
    // As if the transfer had come this far.
    const sequence = new SequenceCodec(TAG, facts.incarnation).encode(1, 2 ** 52);
    new DumpRecord(facts.record).handOut(sequence, 2 ** 52);
    const into = Buffer.alloc(4096);
    expect(firmware.call(TAG, sequence, into)).toMatchObject({ status: 0, bytesReturned: 5 });
    const expected = Buffer.alloc(5);
    readGenerated(TAG, size, 2 ** 52, expected);
    expect(into.subarray(0, 5).equals(expected)).toBe(true);
  });
});

describe('SimFirmware.call refuses', () => {
  test.each([0, 1, 1023])('a buffer of %i bytes', (length) => {
    const { firmware } = firmwareWith(5000);
    expect(firmware.call(TAG, 0n, new Uint8Array(length))).toMatchObject({ status: -3, bytesReturned: 0 });
  });

  test('the position moves by a refused call', () => {
    const { firmware } = firmwareWith(5000);
    const { nextSequence } = firmware.call(TAG, 0n, new Uint8Array(1024));
    expect(firmware.call(TAG, nextSequence, new Uint8Array(5))).toMatchObject({ status: -3 });
    expect(firmware.call(TAG, nextSequence, new Uint8Array(1024))).toMatchObject({
      status: 1,
      bytesReturned: 1024,
    });
  });

  test.each([1n, 4096n, 0xffff_ffff_ffff_ffffn])('the made-up sequence %i', (sequence) => {
    for (const discipline of ['papr', 'librtas'] as const) {
      const { firmware } = firmwareWith(50_000, { discipline });
      firmware.call(TAG, 0n, buffer());
      expect(firmware.call(TAG, sequence, buffer())).toMatchObject({ status: -1, bytesReturned: 0 });
    }
  });

  test("another dump's sequence", () => {
    const { firmware } = firmwareWith(50_000, { discipline: 'librtas' });
    const stranger = firmwareWith(50_000, { discipline: 'librtas', tag: OTHER_TAG }).firmware;
    firmware.call(TAG, 0n, buffer());
    const { nextSequence } = stranger.call(OTHER_TAG, 0n, buffer());
    expect(firmware.call(TAG, nextSequence, buffer())).toMatchObject({ status: -1 });
  });

  test('a sequence after "complete" under the papr discipline', () => {
    const { firmware } = firmwareWith(5000);
    const { nextSequence } = firmware.call(TAG, 0n, buffer());
    expect(firmware.call(TAG, nextSequence, buffer()).status).toBe(0);
    expect(firmware.call(TAG, nextSequence, buffer()).status).toBe(-1);
  });
});

describe('SimFirmware.call with an earlier sequence', () => {
  test('papr: only the last one continues, and a new start makes it stale', () => {
    const { firmware } = firmwareWith(50_000);
    const first = firmware.call(TAG, 0n, buffer()).nextSequence;
    const second = firmware.call(TAG, first, buffer()).nextSequence;
    expect(firmware.call(TAG, first, buffer()).status).toBe(-1);
    expect(firmware.call(TAG, second, buffer()).status).toBe(1);
    const third = firmware.call(TAG, 0n, buffer()).nextSequence;
    expect(third).not.toBe(first);
    expect(firmware.call(TAG, second, buffer()).status).toBe(-1);
    expect(firmware.call(TAG, third, buffer()).status).toBe(1);
  });

  test('librtas: each one resumes where it did, also after the end and after a new start', () => {
    const { firmware } = firmwareWith(50_000, { discipline: 'librtas' });
    const content = generated(50_000);
    const { sequences } = transfer(firmware);
    transfer(firmware);
    for (const [index, sequence] of sequences.entries()) {
      const into = Buffer.alloc(4096);
      const { bytesReturned } = firmware.call(TAG, sequence, into);
      const offset = (index + 1) * 4096;
      expect(into.subarray(0, bytesReturned).equals(content.subarray(offset, offset + bytesReturned))).toBe(
        true,
      );
    }
  });

  test('sequences are no offsets and do not grow in order', () => {
    const { sequences } = transfer(firmwareWith(400_000).firmware);
    const sorted = [...sequences].sort((a, b) => (a < b ? -1 : 1));
    expect(sequences).not.toEqual(sorted);
    expect(sequences.filter((one) => one < 2n ** 40n)).toEqual([]);
  });
});

describe('SimFirmware.call with a fault', () => {
  test.each<{ faults: Fault[]; size: number; answers: number[][] }>([
    // At the start: nothing has begun, the call is repeated with sequence 0.
    {
      size: 5000,
      faults: [{ at: 0, status: 1, times: 2 }],
      answers: [
        [1, 0],
        [1, 0],
        [1, 4096],
        [0, 904],
      ],
    },
    // In the middle, away from any chunk's border: a call begins exactly there.
    {
      size: 5000,
      faults: [{ at: 100, status: 1, times: 1 }],
      answers: [
        [1, 100],
        [1, 0],
        [1, 4096],
        [0, 804],
      ],
    },
    // At the end: "complete" comes in a call of its own.
    {
      size: 5000,
      faults: [{ at: 5000, status: 1, times: 2 }],
      answers: [
        [1, 4096],
        [1, 904],
        [1, 0],
        [1, 0],
        [0, 0],
      ],
    },
    {
      size: 5000,
      faults: [{ at: 5000, status: 0, times: 1 }],
      answers: [
        [1, 4096],
        [1, 904],
        [0, 0],
      ],
    },
    {
      size: 5000,
      faults: [{ at: 5000, status: -1, times: Infinity }],
      answers: [
        [1, 4096],
        [1, 904],
        [-1, 0],
      ],
    },
    {
      size: 5000,
      faults: [{ at: 4096, status: -9002, times: Infinity }],
      answers: [
        [1, 4096],
        [-9002, 0],
      ],
    },
    { size: 5000, faults: [{ at: 0, status: -9002, times: 1 }], answers: [[-9002, 0]] },
    { size: 5000, faults: [{ at: 0, status: 77, times: 1 }], answers: [[77, 0]] },
    // Early "complete": the dump is shorter than announced.
    {
      size: 9000,
      faults: [{ at: 4096, status: 0, times: Infinity }],
      answers: [
        [1, 4096],
        [0, 0],
      ],
    },
    {
      size: 0,
      faults: [{ at: 0, status: 1, times: 1 }],
      answers: [
        [1, 0],
        [0, 0],
      ],
    },
  ])('$faults.0 answers $answers', ({ size, faults, answers }) => {
    expect(transfer(firmwareWith(size, { side: { faults } }).firmware).answers).toEqual(answers);
  });

  test.each([-1, -2, 9900, 9905, 42])(
    'status %i strikes so often as told, in list order, and then data flows',
    (status) => {
      const faults = [
        { at: 4096, status, times: 2 },
        { at: 4096, status: -1, times: 1 },
      ];
      const { firmware } = firmwareWith(10_000, { side: { faults } });
      const { nextSequence } = firmware.call(TAG, 0n, buffer());
      const statuses = [0, 1, 2, 3].map(() => firmware.call(TAG, nextSequence, buffer()).status);
      expect(statuses).toEqual([status, status, -1, 1]);
    },
  );

  test('a fault is used up for later transfers too, and its place stays a border', () => {
    const { firmware } = firmwareWith(5000, { side: { faults: [{ at: 5000, status: -1, times: 1 }] } });
    expect(transfer(firmware).answers.at(-1)).toEqual([-1, 0]);
    expect(transfer(firmware).answers).toEqual([
      [1, 4096],
      [1, 904],
      [0, 0],
    ]);
  });

  test('whoever goes on with the sequence of a busy answer begins anew', () => {
    const { firmware } = firmwareWith(10_000, { side: { faults: [{ at: 4096, status: -2, times: 1 }] } });
    const { nextSequence } = firmware.call(TAG, 0n, buffer());
    expect(firmware.call(TAG, nextSequence, buffer()).nextSequence).toBe(0n);
  });
});

describe('SimFirmware.call for a tag that is not there', () => {
  test('an unknown tag is complete with no bytes, also when finished with', () => {
    const { firmware } = firmwareWith(5000);
    expect(firmware.call(OTHER_TAG, 0n, buffer())).toMatchObject({ status: 0, bytesReturned: 0 });
    expect(firmware.call(OTHER_TAG, 0n, null)).toMatchObject({ status: 0, bytesReturned: 0 });
    expect(firmware.call(OTHER_TAG, 5n, buffer())).toMatchObject({ status: -1 });
  });

  test('an invalidated dump is an unknown one, for every caller', () => {
    const { firmware, facts, spec } = firmwareWith(50_000);
    const other = new SimFirmware(spec);
    other.present(facts);
    const { nextSequence } = firmware.call(TAG, 0n, buffer());
    expect(firmware.call(TAG, 0n, null).status).toBe(0);
    expect(new DumpRecord(facts.record).present).toBe(false);
    expect(firmware.call(TAG, 0n, buffer())).toMatchObject({ status: 0, bytesReturned: 0 });
    expect(firmware.call(TAG, nextSequence, buffer()).status).toBe(-1);
    expect(other.call(TAG, 0n, buffer())).toMatchObject({ status: 0, bytesReturned: 0 });
    expect(other.call(TAG, 0n, null).status).toBe(0);
  });

  test('a vanished dump ends its transfers with a hardware error', () => {
    const { firmware, facts } = firmwareWith(50_000);
    const { nextSequence } = firmware.call(TAG, 0n, buffer());
    expect(new DumpRecord(facts.record).leave('vanished')).toBe(true);
    expect(firmware.call(TAG, nextSequence, buffer()).status).toBe(-1);
    expect(firmware.call(TAG, 0n, buffer())).toMatchObject({ status: 0, bytesReturned: 0 });
  });
});

describe('SimFirmware.call with a null buffer', () => {
  test('fails as told, and the dump stays', () => {
    const { firmware } = firmwareWith(5000, {
      side: { faults: [{ at: 'invalidate', status: -1, times: 1 }] },
    });
    expect(firmware.call(TAG, 0n, null).status).toBe(-1);
    expect(transfer(firmware).bytes).toHaveLength(5000);
    expect(firmware.call(TAG, 0n, null).status).toBe(0);
    expect(transfer(firmware).bytes).toHaveLength(0);
  });
});

test('any chunk layout and any passing faults deliver the content', () => {
  const passing = fc.constantFrom(1, -2, 9900, 9905, -1);
  fc.assert(
    fc.property(
      fc.record({
        size: fc.nat(60_000),
        chunk: fc.tuple(fc.integer({ min: 1, max: 9000 }), fc.nat(3000)),
        length: fc.integer({ min: 1024, max: 9000 }),
        places: fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), passing, fc.integer({ min: 1, max: 3 })),
        ),
        discipline: fc.constantFrom('papr' as const, 'librtas' as const),
      }),
      ({ size, chunk: [min, spread], length, places, discipline }) => {
        const faults = places.map(([place, status, times]) => ({
          at: Math.floor(place * size),
          status,
          times,
        }));
        // Small chunks only for small dumps, to keep the number of calls low.
        const chunk = [Math.max(min, size >> 8, 1), Math.max(min, size >> 8, 1) + spread] as const;
        const { firmware } = firmwareWith(size, { discipline, side: { chunk, faults } });
        const into = Buffer.alloc(size);
        let offset = 0;
        for (let sequence = 0n; ;) {
          const one = Buffer.alloc(length);
          const answer = firmware.call(TAG, sequence, one);
          offset += one.copy(into, offset, 0, answer.bytesReturned);
          if (answer.status === 0) break;
          if (answer.status === 1) sequence = answer.nextSequence;
        }
        expect(offset).toBe(size);
        expect(into.equals(generated(size))).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});
