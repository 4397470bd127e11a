import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { Bare, errnoOf, sampleBytes } from '../support/bare.js';
import { ModelDump } from '../support/model-dump.js';

/** More for whoever looks for trouble. */
const RUNS = Number(process.env['BARE_MODEL_RUNS'] ?? 10);
const MIB = 1024 * 1024;
const SLOTS = 3;

/** What may happen. `slot` picks one of a few tags, `at` and `length` are cut down to the dump at hand. */
type Step =
  | { readonly op: 'appear'; readonly slot: number; readonly size: number; readonly fault: Fault }
  | { readonly op: 'vanish'; readonly slot: number }
  | { readonly op: 'read'; readonly slot: number; readonly at: number; readonly length: number }
  | { readonly op: 'readAll'; readonly slot: number }
  | { readonly op: 'readTogether'; readonly slot: number; readonly at: readonly number[] }
  | { readonly op: 'interrupt'; readonly slot: number; readonly at: number }
  | { readonly op: 'reopen'; readonly slot: number }
  | { readonly op: 'unlink'; readonly slot: number }
  | { readonly op: 'lock' };

interface Fault {
  readonly chunk?: number | readonly [number, number];
  readonly faults: readonly (
    { readonly at: number; readonly status: number } | { readonly at: number; readonly empty: number }
  )[];
}

const slot = fc.nat(SLOTS - 1);
const position = fc.nat(3 * MIB);
const fault: fc.Arbitrary<Fault> = fc.record(
  {
    chunk: fc.oneof(fc.integer({ min: 100, max: 4096 }), fc.constant([1000, 4096] as const)),
    faults: fc.array(
      fc.oneof(
        fc.record({ at: position, status: fc.constantFrom(-1, -2, 9900, 77) }),
        fc.record({ at: position, empty: fc.integer({ min: 1, max: 3 }) }),
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['faults'] },
);
const size = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: 3 * MIB }),
  fc.constantFrom(65_536, 131_072),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('appear' as const), slot, size, fault }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('vanish' as const), slot }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      slot,
      at: position,
      length: fc.integer({ min: 1, max: MIB }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('readAll' as const), slot }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('readTogether' as const),
      slot,
      at: fc.array(position, { minLength: 2, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('interrupt' as const), slot, at: position }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('reopen' as const), slot }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('unlink' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('lock' as const) }) },
);

const tagOf = (index: number): DumpTag => dumpTag(0x2_0000_0000n + BigInt(index + 1));

/** Plays steps against the filesystem and a plain model of what it promises. */
class Play {
  readonly #bare: Bare;
  readonly #model = new Map<number, ModelDump>();
  #seed = 0;
  #locked = false;

  constructor(bare: Bare) {
    this.#bare = bare;
  }

  async step(step: Step): Promise<void> {
    switch (step.op) {
      case 'appear':
        return this.#appear(step.slot, step.size, step.fault);
      case 'vanish':
        return this.#vanish(step.slot);
      case 'read':
        return this.#withHandle(step.slot, (dump) => this.#read(dump, step.at, step.length));
      case 'readAll':
        return this.#withHandle(step.slot, (dump) => this.#readAll(dump));
      case 'readTogether':
        return this.#withHandle(step.slot, async (dump) => {
          await Promise.all(step.at.map((at) => this.#read(dump, at, 200_000)));
        });
      case 'interrupt':
        return this.#withHandle(step.slot, (dump) => this.#interrupt(dump, step.at));
      case 'reopen':
        return this.#reopen(step.slot);
      case 'unlink':
        return this.#unlink(step.slot);
      case 'lock':
        this.#bare.gate.raise();
        this.#locked = true;
        return;
    }
  }

  async finish(): Promise<void> {
    for (const [index, dump] of this.#model) {
      if (dump.fh !== undefined) this.#bare.fs.release(dump.fh);
      // Nothing but unlink invalidates; faults, interrupts and lockdown never do.
      expect(existsSync(this.#path(index)), `${tagName(dump.tag)} still in firmware`).toBe(true);
    }
    if (!this.#locked) {
      const present = [...this.#model.values()].map((dump) => tagName(dump.tag)).sort();
      expect(this.#bare.names()).toEqual(present);
    } else expect(this.#bare.names()).toEqual([]);
    await Promise.resolve();
  }

  async #appear(index: number, bytes: number, { chunk, faults }: Fault): Promise<void> {
    if (this.#model.has(index) || this.#locked) return;
    const tag = tagOf(index);
    const dump = new ModelDump(tag, sampleBytes(bytes, ++this.#seed));
    const placed = faults.filter(({ at }) => at <= bytes);
    dump.mayFail = placed.filter(
      (each) => 'status' in each && (each.status === -1 || each.status === 77),
    ).length;
    const listed = this.#listed(tag);
    this.#bare.put(tag, dump.bytes, { ...(chunk === undefined ? {} : { chunk }), faults: placed });
    await listed;
    this.#model.set(index, dump);
  }

  /** The directory is followed asynchronously: settled when the store lists the tag. */
  #listed(tag: DumpTag): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#bare.store.events.subscribe((event) => {
        if (event.kind !== 'added' || event.dump.tag !== tag) return;
        stop();
        resolve();
      });
    });
  }

  async #vanish(index: number): Promise<void> {
    const dump = this.#model.get(index);
    if (dump === undefined || this.#locked) return;
    const gone = new Promise<void>((resolve) => {
      const stop = this.#bare.store.events.subscribe((event) => {
        if (event.kind !== 'removed' || event.dump.tag !== dump.tag) return;
        stop();
        resolve();
      });
    });
    unlinkSync(this.#path(index));
    await gone;
    if (dump.fh !== undefined) this.#bare.fs.release(dump.fh);
    this.#model.delete(index);
  }

  async #withHandle(index: number, use: (dump: ModelDump) => Promise<void>): Promise<void> {
    const dump = this.#model.get(index);
    if (dump === undefined) {
      if (!this.#locked) expect(await errnoOf(() => this.#bare.lookup(tagOf(index)))).toBe('ENOENT');
      return;
    }
    if (this.#locked && dump.fh === undefined) {
      expect(await errnoOf(() => this.#bare.lookup(dump.tag))).toBe('ENOENT');
      return;
    }
    dump.fh ??= await this.#bare.open(dump.tag);
    await use(dump);
  }

  async #read(dump: ModelDump, at: number, length: number): Promise<void> {
    const start = at % (dump.bytes.length + 1);
    const read = this.#bare.read(dump.fh ?? -1, start, length);
    if (this.#locked) {
      expect(await errnoOf(() => read)).toBe('EPERM');
      return;
    }
    const expected = dump.bytes.subarray(start, start + length);
    await read.then(
      (bytes) => {
        expect(bytes.equals(expected), `${bytes.length} bytes at ${start} of ${dump.bytes.length}`).toBe(
          true,
        );
        dump.deliver(start, start + bytes.length);
      },
      async (thrown: unknown) => {
        expect(await errnoOf(() => Promise.reject(thrown as Error))).toBe('EIO');
        expect(dump.mayFail, 'errors come from firmware only').toBeGreaterThan(0);
      },
    );
  }

  async #readAll(dump: ModelDump): Promise<void> {
    for (let at = 0; at < dump.bytes.length; at += 262_144) await this.#read(dump, at, 262_144);
  }

  async #interrupt(dump: ModelDump, at: number): Promise<void> {
    const controller = new AbortController();
    const start = at % dump.bytes.length;
    const read = errnoOf(() => this.#bare.read(dump.fh ?? -1, start, 1000, controller.signal));
    controller.abort();
    const code = await read;
    if (this.#locked) expect(code).toBe('EPERM');
    else {
      expect([undefined, 'EINTR', 'EIO']).toContain(code);
      if (code === undefined) dump.deliver(start, Math.min(dump.bytes.length, start + 1000));
    }
  }

  async #reopen(index: number): Promise<void> {
    const dump = this.#model.get(index);
    if (dump?.fh === undefined) return;
    this.#bare.fs.release(dump.fh);
    dump.fh = undefined;
    await this.#withHandle(index, () => Promise.resolve());
  }

  async #unlink(index: number): Promise<void> {
    const dump = this.#model.get(index);
    if (dump?.fh !== undefined) this.#bare.fs.release(dump.fh);
    if (dump !== undefined) dump.fh = undefined;
    const code = await errnoOf(() => this.#bare.unlink(tagOf(index)));
    if (dump === undefined || this.#locked) expect(code).toBe('ENOENT');
    else if (!dump.isDelivered) expect(code).toBe('EBUSY');
    else if (code === undefined) {
      expect(existsSync(`${this.#path(index)}.invalidated`)).toBe(true);
      unlinkSync(`${this.#path(index)}.invalidated`);
      this.#model.delete(index);
    } else {
      // The pass that invalidation needs met a fault: the dump stays.
      expect(code).toBe('EIO');
      expect(dump.mayFail).toBeGreaterThan(0);
    }
  }

  #path(index: number): string {
    return join(this.#bare.dir, tagName(tagOf(index)));
  }
}

describe.each([
  { discipline: 'papr', spool: false },
  { discipline: 'papr', spool: true },
  { discipline: 'librtas', spool: false },
] as const)('model: discipline $discipline, spool $spool', (variant) => {
  test('any order of appearing, reading, interrupting, removing and lockdown gives what the model says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await using bare = new Bare({ ...variant, cacheSizeBytes: 4 * MIB });
        expect(bare.names()).toEqual([]);
        const play = new Play(bare);
        for (const each of steps) await play.step(each);
        await play.finish();
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 300_000);
});
