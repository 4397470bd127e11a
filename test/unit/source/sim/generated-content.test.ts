import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import { readGenerated, suggestedName } from '../../../../src/source/sim/index.js';
import { TAG, generated } from './machine-support.js';

function part(size: number, offset: number, length: number, tag = TAG): Buffer {
  const into = Buffer.alloc(length);
  return into.subarray(0, readGenerated(tag, size, offset, into));
}

test('readGenerated at any place equals that part of the whole', () => {
  const whole = generated(300_000);
  fc.assert(
    fc.property(fc.nat(300_100), fc.nat(140_000), (offset, length) => {
      expect(part(300_000, offset, length).equals(whole.subarray(offset, offset + length))).toBe(true);
    }),
  );
});

test('readGenerated gives every 512-byte sector other bytes', () => {
  const whole = generated(2 ** 20);
  const hashes = Array.from({ length: 2048 }, (_, i) =>
    createHash('md5')
      .update(whole.subarray(i * 512, i * 512 + 512))
      .digest('hex'),
  );
  expect(new Set(hashes).size).toBe(2048);
});

test('readGenerated beyond 4 GiB differs from what lies 4 GiB before, and names its sector', () => {
  const size = 2 ** 53 - 1;
  const offset = 2 ** 52 + 512;
  expect(part(size, offset, 4096).equals(part(size, offset - 2 ** 32, 4096))).toBe(false);
  expect(part(size, offset, 8).readBigUInt64BE()).toBe(BigInt(offset / 512));
  expect(part(size, offset + 3, 5).equals(part(size, offset, 8).subarray(3))).toBe(true);
});

test('readGenerated gives other tags other bytes, the same tag the same bytes', () => {
  const at = [5000, 1000, 100, dumpTag(7n)] as const;
  expect(part(...at).equals(part(5000, 1000, 100))).toBe(false);
  expect(part(...at).equals(part(...at))).toBe(true);
});

test.each([256, 257, 1023, 1024, 300_007, 2 ** 40])(
  'a generated dump of %i bytes begins with its directory',
  (size) => {
    const head = part(size, 0, 512);
    expect(head.toString('latin1', 0, 8)).toBe('FILE    ');
    expect(head.readUInt16BE(0x14)).toBe(1);
    const name = head.toString('latin1', 0x18, head.indexOf(0, 0x18));
    expect(name).toBe(suggestedName(TAG));
    expect(name).toMatch(/^SYSDUMP\.[A-Z0-9]{7}\.80000001\.\d{14}$/);
    expect(name.slice(0, head.readUInt16BE(0x16))).toBe('SYSDUMP.10SIM00');
    let at = head.readUInt16BE(0x08);
    let total = at;
    for (let last = false; !last;) {
      expect(head.toString('latin1', at, at + 8)).toBe('SECTION ');
      expect(head.readUInt16BE(at + 0x14)).toBe(2);
      last = (head.readUInt32BE(at + 0x10) & 1) === 1;
      const length = head.readUInt16BE(at + 0x08);
      total += length + Number(head.readBigUInt64BE(at + 0x18));
      at += length;
    }
    expect(total).toBe(size);
  },
);

test('a generated dump below 256 bytes is plain bytes', () => {
  expect(generated(255).includes('FILE')).toBe(false);
});
