import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import type { PaprDevice } from '../../../../src/rtas/index.js';
import { BEGINNING, SourceError } from '../../../../src/source/index.js';
import { paprDriver } from '../../../../src/source/papr/papr-cursor.js';
import type { DumpCursor } from '../../../../src/source/index.js';

const TAG = dumpTag(0x2_0000_0001n);

/** A device whose calls give, one after the other, a byte count or an errno name. */
class ScriptedDevice implements PaprDevice {
  readonly calls: string[] = [];
  readonly #script: (number | string)[];

  constructor(...script: (number | string)[]) {
    this.#script = script;
  }

  createHandle(tag: bigint): number {
    this.calls.push(`create ${tag.toString(16)}`);
    return this.#next();
  }

  read(handle: number, into: Uint8Array): number {
    this.calls.push(`read ${handle} ${into.length}`);
    return this.#next();
  }

  invalidate(handle: number, tag: bigint): void {
    this.calls.push(`invalidate ${handle} ${tag.toString(16)}`);
    this.#next();
  }

  close(handle: number): void {
    this.calls.push(`close ${handle}`);
  }

  #next(): number {
    const step = this.#script.shift() ?? 'ENOSYS';
    if (typeof step === 'number') return step;
    throw Object.assign(new Error(`${step}: scripted`), { code: step });
  }
}

const HANDLE = 7;

function cursorOver(...script: (number | string)[]): { device: ScriptedDevice; cursor: DumpCursor } {
  const device = new ScriptedDevice(HANDLE, ...script);
  return { device, cursor: paprDriver(device).open(TAG, BEGINNING, undefined) };
}

/** Bytes of a step, `end` for the last one, the kind of error for one that failed. */
function steps(cursor: DumpCursor, count: number): (number | string)[] {
  return Array.from({ length: count }, () =>
    outcome(() => {
      const { bytes, done } = cursor.read(new Uint8Array(65_536));
      return done ? 'end' : bytes;
    }),
  );
}

function outcome(run: () => number | string): number | string {
  try {
    return run();
  } catch (thrown) {
    return thrown instanceof SourceError ? thrown.data.kind : String(thrown);
  }
}

describe('PaprCursor.read', () => {
  test.each([
    { script: [4096, 10, 0, 'EINVAL'], gives: [4096, 10, 0, 'end', 'end'] },
    // Firmware completes with no bytes: the device gives 0 twice.
    { script: [4096, 0, 0, 'EINVAL'], gives: [4096, 0, 0, 'end'] },
    // "Continue with 0 bytes" looks like the end until the next read.
    { script: [0, 0, 4096, 0, 5, 0, 'EINVAL'], gives: [0, 0, 4096, 0, 5, 0, 'end'] },
    { script: [0, 'EINVAL'], gives: [0, 'end'] },
    { script: [4096, 'EIO', 4096], gives: [4096, 'firmware', 4096] },
    { script: ['EPERM'], gives: ['not-authorized'] },
    { script: ['EINVAL'], gives: ['interface'] },
    // The failed read proved that the 0 before it was not the end.
    { script: [0, 'EIO', 'EINVAL'], gives: [0, 'firmware', 'interface'] },
    { script: ['ENODEV'], gives: ['interface'] },
    // A lost chunk: nothing may be read over the gap.
    { script: [4096, 'EFAULT', 4096], gives: [4096, 'firmware', 'firmware', 'firmware'] },
    { script: [4097, 4096], gives: ['interface', 'firmware'] },
  ])('$script gives $gives', ({ script, gives }) => {
    expect(steps(cursorOver(...script).cursor, gives.length)).toEqual(gives);
  });

  test('asks for as much as the device may give and, behind the end, for nothing more', () => {
    const { device, cursor } = cursorOver(0, 'EINVAL');
    steps(cursor, 4);
    expect(device.calls).toEqual(['create 200000001', ...Array<string>(2).fill(`read ${HANDLE} 65536`)]);
  });

  test('names tag, errno and reason in its errors', () => {
    const { cursor } = cursorOver('EIO');
    expect(() => cursor.read(new Uint8Array(4096))).toThrow(
      expect.objectContaining({
        data: { kind: 'firmware', message: 'cannot read dump 0x0000000200000001: EIO: scripted', status: -5 },
      }),
    );
  });

  test('fails on a closed cursor', () => {
    const { cursor } = cursorOver(4096);
    cursor.close();
    expect(steps(cursor, 1)).toEqual(['interface']);
  });
});

describe('PaprCursor.invalidate', () => {
  const invalidate = (cursor: DumpCursor): number | string => outcome(() => (cursor.invalidate(), 'ok'));

  test.each([
    { script: [10, 0, 'EINVAL', 0], reads: 3, gives: 'ok' },
    { script: [10, 0, 'EINVAL', 'EIO'], reads: 3, gives: 'firmware' },
    { script: [10, 0, 'EINVAL', 'EPERM'], reads: 3, gives: 'not-authorized' },
    { script: [10, 0, 'EINVAL', 'EINPROGRESS'], reads: 3, gives: 'unfinished' },
    { script: [10, 0, 'EINVAL', 'ENOTTY'], reads: 3, gives: 'interface' },
  ])('$script after the end is $gives', ({ script, reads, gives }) => {
    const { device, cursor } = cursorOver(...script);
    steps(cursor, reads);
    expect(invalidate(cursor)).toBe(gives);
    expect(device.calls.at(-1)).toBe(`invalidate ${HANDLE} 200000001`);
  });

  test.each([{ reads: 0 }, { reads: 1 }, { reads: 2 }])(
    'is not even tried before the end is proven ($reads reads)',
    ({ reads }) => {
      const { device, cursor } = cursorOver(10, 0, 'EINVAL');
      steps(cursor, reads);
      expect(invalidate(cursor)).toBe('unfinished');
      expect(device.calls).toHaveLength(1 + reads);
    },
  );
});

describe('PaprCursor open and close', () => {
  test.each([
    ['EALREADY', 'held'],
    ['ENOMEM', 'interface'],
    // No permission on the device says nothing about where the platform delivers the dump.
    ['EPERM', 'interface'],
  ])('%s at creation is %s', (code, kind) => {
    const driver = paprDriver(new ScriptedDevice(code));
    expect(outcome(() => (driver.open(TAG, BEGINNING, undefined), 'opened'))).toBe(kind);
  });

  test('only a pass from the beginning can be opened', () => {
    const device = new ScriptedDevice(HANDLE);
    expect(outcome(() => (paprDriver(device).open(TAG, 5n, undefined), 'opened'))).toBe('interface');
    expect(device.calls).toEqual([]);
  });

  test('close gives the handle back once', () => {
    const { device, cursor } = cursorOver();
    cursor.close();
    cursor.close();
    expect(device.calls.slice(1)).toEqual([`close ${HANDLE}`]);
  });
});
