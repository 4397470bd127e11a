import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { FirmwareTrace, RTAS_STATUS } from '../../../src/rtas/index.js';
import type { LibrtasPort, PaprDevice } from '../../../src/rtas/index.js';
import { BEGINNING } from '../../../src/source/index.js';
import { paprDriver } from '../../../src/source/papr/papr-cursor.js';
import { readOpalDirectory } from '../../../src/source/opal/opal-directory.js';
import { createDriver as createOpalDriver } from '../../../src/source/opal/opal-driver.js';
import { TracedPaprDevice, tracedLibrtas } from '../../../src/source/traced-ports.js';
import { FakeOpalSysfs } from '../../support/opal-sysfs.js';

/** A channel on which nobody listens: no line is ever written. */
const nowhere = 'no such desk';

const TAG = dumpTag(0x2_0000_0001n);

/** As the kernel's driver: one position, which each read that succeeds moves on for good. */
class Device implements PaprDevice, Disposable {
  readonly #chunks: number;
  #next = 0;
  invalidated = false;

  constructor(chunks: number) {
    this.#chunks = chunks;
  }

  createHandle(): number {
    return 5;
  }

  read(_handle: number, into: Uint8Array): number {
    if (this.#next > this.#chunks) throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
    const isEnd = this.#next === this.#chunks;
    this.#next += 1;
    if (isEnd) return 0;
    into.fill(this.#next);
    return into.length;
  }

  invalidate(): void {
    this.invalidated = true;
  }

  close(): void {
    // nothing is open
  }

  [Symbol.dispose](): void {
    // nothing is held
  }
}

describe('a trace that cannot be written', () => {
  test('loses no chunk of the device, and no invalidation', () => {
    const device = new Device(10);
    const traced = new TracedPaprDevice(device, new FirmwareTrace(nowhere));
    const cursor = paprDriver(traced).open(TAG, BEGINNING, undefined);
    const chunks: (number | undefined)[] = [];
    for (;;) {
      const into = new Uint8Array(4096);
      const step = cursor.read(into);
      if (step.done) break;
      if (step.bytes > 0) chunks.push(into[0]);
    }
    expect(chunks).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    cursor.invalidate();
    expect(device.invalidated).toBe(true);
    cursor.close();
  });

  test("changes no answer of librtas', and none of a failed call", () => {
    const answer = { status: RTAS_STATUS.complete, nextSequence: 7n, bytesReturned: 12 };
    const port: LibrtasPort = { platformDump: () => answer };
    const traced = tracedLibrtas(port, new FirmwareTrace(nowhere), 0);
    expect(traced.platformDump(TAG, 0n, new Uint8Array(4096))).toBe(answer);
    expect(traced.platformDump(TAG, 7n, null)).toBe(answer);
  });

  test("changes nothing of OPAL's reading and acknowledging", () => {
    using sysfs = new FakeOpalSysfs();
    sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: Buffer.alloc(5000, 3) });
    const driver = createOpalDriver({ traceChannel: nowhere });
    const cursor = driver.open(TAG, BEGINNING, readOpalDirectory(sysfs.dir).entries[0]?.place);
    const into = Buffer.alloc(8192);
    expect(cursor.read(into)).toMatchObject({ bytes: 5000, done: true });
    expect(() => cursor.invalidate()).not.toThrow();
    cursor.close();
  });
});
