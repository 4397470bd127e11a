import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPCODE } from '../../../../src/fuse/kernel/abi.js';
import { decodeRead } from '../../../../src/fuse/kernel/decode.js';
import { decodeInHeader } from '../../../../src/fuse/kernel/in-header.js';
import { decodePlainRead } from '../../../../src/fuse/kernel/plain-read.js';
import { kernelRequest, readBody } from '../../../support/kernel-request.js';

test('a plain READ is taken for what the full decoder takes it for', () => {
  const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.nat(2 ** 31), u64, (fh, offset, size, unique) => {
      const message = kernelRequest(OPCODE.READ, readBody(fh, offset, size), { unique });
      const plain = decodePlainRead(message);
      const { body, unique: same } = decodeInHeader(message);
      expect({ fh: plain?.fh, offset: plain?.offset, size: plain?.size }).toEqual({ fh, offset, size });
      expect(decodeRead(body)).toEqual({ fh, offset, size, openFlags: 0 });
      const [first, second] = plain!.unique;
      expect(new BigUint64Array(Uint32Array.of(first, second).buffer)[0]).toBe(same);
    }),
  );
});

test.each([
  { what: 'another operation', message: kernelRequest(OPCODE.READDIR, readBody(1, 2, 3)) },
  { what: 'half a request', message: kernelRequest(OPCODE.READ, readBody(1, 2, 3)).subarray(0, 60) },
  { what: 'nothing', message: new Uint8Array(0) },
  {
    what: 'one with an extension',
    message: kernelRequest(OPCODE.READ, (writer) => {
      readBody(1, 2, 3)(writer);
      writer.zeros(8);
    }),
  },
  {
    what: 'one that states another length',
    message: kernelRequest(OPCODE.READ, readBody(1, 2, 3)).fill(81, 0, 1),
  },
  {
    what: 'an offset above 2^53',
    message: kernelRequest(OPCODE.READ, readBody(1, 2, 3)).fill(0xff, 48, 56),
  },
  {
    what: 'a handle above 2^53',
    message: kernelRequest(OPCODE.READ, readBody(1, 2, 3)).fill(0xff, 40, 48),
  },
])('leaves $what to the full decoder', ({ message }) => {
  expect(decodePlainRead(message)).toBeUndefined();
});
