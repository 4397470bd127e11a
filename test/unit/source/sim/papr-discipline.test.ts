import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import type { Fault, SideFile } from '../../../../src/source/sim/index.js';
import { SimPaprDevice } from '../../../../src/source/sim/index.js';
import { OTHER_TAG, TAG, firmwareWith, generated } from './machine-support.js';

function deviceWith(size: number, side: Partial<SideFile> = {}): { device: SimPaprDevice; handle: number } {
  const { firmware, facts, spec } = firmwareWith(size, { side });
  const device = new SimPaprDevice(firmware, spec.memory, () => facts.handle);
  return { device, handle: device.createHandle(TAG) };
}

/** What `length`-byte reads give, an errno name where they fail. */
function reads(device: SimPaprDevice, handle: number, lengths: readonly number[]): (number | string)[] {
  return lengths.map((length) => outcome(() => device.read(handle, new Uint8Array(length))));
}

function outcome(run: () => number | undefined): number | string {
  try {
    return run() ?? 'ok';
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
  }
}

const invalidate = (device: SimPaprDevice, handle: number, tag = TAG): number | string =>
  outcome(() => {
    device.invalidate(handle, tag);
    return undefined;
  });

const fault = (at: Fault['at'], status: number, times = 1): Partial<SideFile> => ({
  faults: [{ at, status, times }],
});

describe('SimPaprDevice.read', () => {
  test.each<{
    what: string;
    size: number;
    side?: Partial<SideFile>;
    lengths: number[];
    gives: (number | string)[];
  }>([
    { what: 'at most 4096 bytes', size: 9000, lengths: [65_536, 4096, 1024], gives: [4096, 4096, 808] },
    {
      what: 'EINVAL below 1024 bytes',
      size: 9000,
      lengths: [1023, 0, 1024],
      gives: ['EINVAL', 'EINVAL', 1024],
    },
    {
      what: 'the end once, then EINVAL',
      size: 100,
      lengths: [4096, 4096, 4096, 4096],
      gives: [100, 0, 'EINVAL', 'EINVAL'],
    },
    { what: 'the end whatever the length', size: 100, lengths: [4096, 1], gives: [100, 0] },
    {
      what: 'a false end at the start',
      size: 100,
      side: fault(0, 1, 2),
      lengths: [4096, 4096, 4096, 4096, 4096],
      gives: [0, 0, 100, 0, 'EINVAL'],
    },
    {
      what: 'a false end in the middle',
      size: 5000,
      side: fault(4096, 1),
      lengths: [4096, 4096, 4096, 4096],
      gives: [4096, 0, 904, 0],
    },
    {
      what: 'two ends where firmware completes with 0 bytes',
      size: 100,
      side: fault(100, 0),
      lengths: [4096, 4096, 4096, 4096],
      gives: [100, 0, 0, 'EINVAL'],
    },
    {
      what: 'EIO once, then no gap',
      size: 5000,
      side: fault(4096, -1),
      lengths: [4096, 4096, 4096],
      gives: [4096, 'EIO', 904],
    },
    {
      what: 'EIO instead of the end',
      size: 100,
      side: fault(100, -1, Infinity),
      lengths: [4096, 4096, 4096],
      gives: [100, 'EIO', 'EIO'],
    },
    {
      what: 'EPERM when not authorized',
      size: 100,
      side: fault(0, -9002, Infinity),
      lengths: [4096, 4096],
      gives: ['EPERM', 'EPERM'],
    },
    {
      what: 'EIO for an unknown status',
      size: 100,
      side: fault(0, -3333),
      lengths: [4096, 4096],
      gives: ['EIO', 100],
    },
    {
      what: 'data after any number of busy answers',
      size: 100,
      side: fault(0, -2, 150),
      lengths: [4096],
      gives: [100],
    },
    { what: 'data after a delay', size: 100, side: fault(0, 9901, 2), lengths: [4096], gives: [100] },
  ])('gives $what', ({ size, side, lengths, gives }) => {
    const { device, handle } = deviceWith(size, side);
    expect(reads(device, handle, lengths)).toEqual(gives);
  });

  test('delivers the content', () => {
    const { device, handle } = deviceWith(10_000);
    const into = Buffer.alloc(12_288);
    for (const at of [0, 4096, 8192]) device.read(handle, into.subarray(at, at + 4096));
    expect(into.subarray(0, 10_000).equals(generated(10_000))).toBe(true);
  });

  test('waits a second for the longest delay, not 100', () => {
    const { device, handle } = deviceWith(100, fault(0, 9905));
    const begun = performance.now();
    expect(reads(device, handle, [4096])).toEqual([100]);
    expect(performance.now() - begun).toBeGreaterThan(990);
    expect(performance.now() - begun).toBeLessThan(50_000);
  });
});

describe('SimPaprDevice.invalidate', () => {
  test.each<{ what: string; size: number; side?: Partial<SideFile>; before: number; gives: string[] }>([
    { what: 'EINPROGRESS when nothing was read', size: 5000, before: 0, gives: ['EINPROGRESS'] },
    { what: 'EINPROGRESS half-way', size: 5000, before: 1, gives: ['EINPROGRESS'] },
    {
      what: 'EINPROGRESS after a false end',
      size: 5000,
      side: fault(4096, 1),
      before: 2,
      gives: ['EINPROGRESS'],
    },
    {
      what: 'EINPROGRESS after a failed read',
      size: 100,
      side: fault(100, -1),
      before: 2,
      gives: ['EINPROGRESS'],
    },
    { what: 'success before the end was read as such', size: 5000, before: 2, gives: ['ok'] },
    { what: 'success after the end, and again', size: 5000, before: 4, gives: ['ok', 'ok'] },
    {
      what: 'EIO, then EINPROGRESS',
      size: 100,
      side: fault('invalidate', -1),
      before: 2,
      gives: ['EIO', 'EINPROGRESS'],
    },
    {
      what: 'EPERM, then EINPROGRESS',
      size: 100,
      side: fault('invalidate', -9002),
      before: 2,
      gives: ['EPERM', 'EINPROGRESS'],
    },
    {
      what: 'success after a busy answer',
      size: 100,
      side: fault('invalidate', -2),
      before: 2,
      gives: ['ok'],
    },
  ])('gives $what', ({ size, side, before, gives }) => {
    const { device, handle } = deviceWith(size, side);
    reads(device, handle, Array<number>(before).fill(4096));
    expect(gives.map(() => invalidate(device, handle))).toEqual(gives);
  });

  test('gives EINVAL for another tag', () => {
    const { device, handle } = deviceWith(100);
    reads(device, handle, [4096]);
    expect(invalidate(device, handle, OTHER_TAG)).toBe('EINVAL');
  });

  test('works after a failure once the whole dump was read through a new handle', () => {
    const { device, handle } = deviceWith(100, fault('invalidate', -1));
    reads(device, handle, [4096]);
    expect(invalidate(device, handle)).toBe('EIO');
    device.close(handle);
    const fresh = device.createHandle(TAG);
    expect(reads(device, fresh, [4096])).toEqual([100]);
    expect(invalidate(device, fresh)).toBe('ok');
  });
});

describe('SimPaprDevice.createHandle', () => {
  test('gives EALREADY while any thread has the tag open', () => {
    const { firmware, facts, spec } = firmwareWith(5000);
    const [one, other] = [1, 2].map(() => new SimPaprDevice(firmware, spec.memory, () => facts.handle));
    const handle = one!.createHandle(TAG);
    expect(outcome(() => other!.createHandle(TAG))).toBe('EALREADY');
    one!.close(handle);
    expect(outcome(() => other!.createHandle(TAG))).toBe(3);
  });

  test('makes no firmware call and begins at 0 each time', () => {
    const { device, handle } = deviceWith(9000, fault(0, -1));
    device.close(handle);
    const second = device.createHandle(TAG);
    expect(reads(device, second, [4096, 4096])).toEqual(['EIO', 4096]);
    device.close(second);
    expect(reads(device, device.createHandle(TAG), [4096, 4096, 4096])).toEqual([4096, 4096, 808]);
  });

  test('takes an unknown tag, which reads as an empty dump and can be invalidated', () => {
    const { firmware, facts, spec } = firmwareWith(0, { content: null });
    const device = new SimPaprDevice(firmware, spec.memory, () => facts.handle);
    const handle = device.createHandle(TAG);
    expect(reads(device, handle, [4096, 4096, 4096])).toEqual([0, 0, 'EINVAL']);
    expect([invalidate(device, handle), invalidate(device, handle)]).toEqual(['ok', 'ok']);
  });

  test('gives EBADF for a closed handle', () => {
    const { device, handle } = deviceWith(10);
    device.close(handle);
    expect(reads(device, handle, [4096])).toEqual(['EBADF']);
    expect(outcome(() => (device.close(handle), undefined))).toBe('EBADF');
  });
});
