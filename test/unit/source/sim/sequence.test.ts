import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SequenceCodec, transferNumber } from '../../../../src/source/sim/sequence.js';

const offset = fc.oneof(fc.nat(10_000_000), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const transfer = fc.integer({ min: 1, max: 2047 });
const word = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

test('SequenceCodec.decode undoes encode for every offset up to 2^53', () => {
  fc.assert(
    fc.property(word, fc.nat(), transfer, offset, (tag, incarnation, number, at) => {
      const codec = new SequenceCodec(tag, incarnation);
      const sequence = codec.encode(number, at);
      expect(sequence > 0n && sequence < 2n ** 64n).toBe(true);
      expect(codec.decode(sequence)).toEqual({ transfer: number, offset: at });
    }),
    { examples: [[0n, 0, 2047, Number.MAX_SAFE_INTEGER]] },
  );
});

test('SequenceCodec.decode of 0 is nothing: it means "begin"', () => {
  expect(new SequenceCodec(1n, 1).decode(0n)).toBeUndefined();
});

test('SequenceCodec knows the sequences of its own tag and incarnation only', () => {
  const sequence = new SequenceCodec(1n, 1).encode(1, 4096);
  for (const other of [new SequenceCodec(2n, 1), new SequenceCodec(1n, 2)])
    expect(other.decode(sequence)).not.toEqual({ transfer: 1, offset: 4096 });
});

test('transferNumber stays within 1 .. 2047', () => {
  expect([1, 2, 2047, 2048, 4095].map(transferNumber)).toEqual([1, 2, 2047, 1, 1]);
});
