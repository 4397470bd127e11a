import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SharedSlots } from '../../../../src/base/shared-slots.js';
import { OPCODE } from '../../../../src/fuse/kernel/abi.js';
import { LeasedReadAnswerer } from '../../../../src/fuse/kernel/leased-read-answerer.js';
import { kernelRequest, readBody } from '../../../support/kernel-request.js';

const BLOCK = 16;
const SLOTS = 4;
const FH = 7;
const OWNER = 2;
/** Two blocks and five bytes. */
const END = 2 * BLOCK + 5;
const OPEN = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';

/** A plain file stands for the device. */
let folder: string;
let fd: number;
let keeper: SharedSlots;
let answerer: LeasedReadAnswerer;
const content = Buffer.from(Array.from({ length: END }, (_, at) => at + 1));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platdumpfs-leased-'));
  fd = openSync(join(folder, 'device'), 'w');
  writeFileSync(join(folder, 'level'), OPEN);
  const slab = new SharedArrayBuffer(SLOTS * BLOCK);
  keeper = new SharedSlots(SLOTS);
  const blocks = { slabs: [slab], blockBytes: BLOCK, slots: keeper.data };
  const look = { path: join(folder, 'level'), absentForMs: undefined };
  answerer = new LeasedReadAnswerer(fd, { blocks, look }, new SharedSlots(keeper.data));
  keeper.grant(FH, { owner: OWNER, end: END });
  for (const index of [0, 1, 2]) {
    const slot = SLOTS - 1 - index;
    new Uint8Array(slab).set(content.subarray(index * BLOCK, (index + 1) * BLOCK), slot * BLOCK);
    keeper.publish(OWNER, index, slot);
  }
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

const written = (): Buffer => readFileSync(join(folder, 'device'));
const read = (fh: number, offset: number, size: number): boolean =>
  answerer.answer(kernelRequest(OPCODE.READ, readBody(fh, offset, size)));

describe('LeasedReadAnswerer.answer', () => {
  test.each([
    { offset: 0, size: BLOCK },
    { offset: 3, size: 2 * BLOCK },
    { offset: BLOCK - 1, size: 2 },
    { offset: 5, size: 1000 },
    { offset: END - 1, size: 1 },
  ])('hands out $size bytes from $offset, and less only at the end', ({ offset, size }) => {
    expect(read(FH, offset, size)).toBe(true);
    expect(written().readUInt32LE(0)).toBe(written().length);
    expect(written().subarray(16)).toEqual(content.subarray(offset, offset + size));
  });

  test.each([
    { what: 'a handle without a lease', act: () => read(FH + 1, 0, 4) },
    { what: 'a read behind the end', act: () => read(FH, END, 4) },
    {
      what: 'a block that is not there',
      act: () => {
        keeper.withdraw(OWNER, 1, SLOTS - 2);
        return read(FH, 0, END);
      },
    },
    {
      what: 'a level at which dumps are hidden',
      act: () => {
        writeFileSync(join(folder, 'level'), LOCKED);
        return read(FH, 0, 4);
      },
    },
    {
      what: 'slots that are closed',
      act: () => {
        keeper.close();
        return read(FH, 0, 4);
      },
    },
    {
      what: 'another request',
      act: () => answerer.answer(kernelRequest(OPCODE.RELEASE, readBody(FH, 0, 4))),
    },
    {
      what: 'half a request',
      act: () => answerer.answer(kernelRequest(OPCODE.READ, readBody(FH, 0, 4)).subarray(0, 50)),
    },
  ])('leaves to the main thread: $what', ({ act }) => {
    expect(act()).toBe(false);
    expect(written()).toHaveLength(0);
    // And keeps no slot.
    keeper.close();
  });
});
