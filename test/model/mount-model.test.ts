import { existsSync, writeFileSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { sampleBytes } from '../support/bare.js';
import { FileUser } from '../support/file-user.js';
import { ModelDump } from '../support/model-dump.js';
import type { Cell } from '../support/mounted.js';
import { CELLS, Mounted, until } from '../support/mounted.js';

const SLOTS = 2;
const READERS = 2;
const MOST_BYTES = 700_000;
const LEVELS = { open: '[none] integrity confidentiality\n', locked: 'none integrity [confidentiality]\n' };

/** What users and the world may do. `slot` picks a tag, `reader` one of several processes that hold it open. */
type Step =
  | {
      readonly op: 'appear';
      readonly slot: number;
      readonly size: number;
      readonly failAt: number | undefined;
    }
  | {
      readonly op: 'read';
      readonly slot: number;
      readonly reader: number;
      readonly at: number;
      readonly length: number;
    }
  | { readonly op: 'readAll'; readonly slot: number; readonly reader: number }
  | { readonly op: 'forgetPages'; readonly slot: number; readonly reader: number }
  | { readonly op: 'kill'; readonly slot: number; readonly reader: number }
  | { readonly op: 'unlink'; readonly slot: number }
  | { readonly op: 'lock' };

const slot = fc.nat(SLOTS - 1);
const reader = fc.nat(READERS - 1);
const at = fc.nat(MOST_BYTES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('appear' as const),
      slot,
      size: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: MOST_BYTES })),
      failAt: fc.option(at, { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      slot,
      reader,
      at,
      length: fc.integer({ min: 1, max: 300_000 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('readAll' as const), slot, reader }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('forgetPages' as const), slot, reader }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('kill' as const), slot, reader }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('unlink' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('lock' as const) }) },
);

const nameOf = (index: number): string => tagName(dumpTag(0x2_0000_0000n + BigInt(index + 1)));

/** Plays steps with real processes on a real mount, beside a plain model. */
class Play implements AsyncDisposable {
  readonly #mounted: Mounted;
  readonly #level: string;
  readonly #model = new Map<number, ModelDump>();
  readonly #users = new Map<string, FileUser>();
  #locked = false;
  #seed = 0;

  constructor(cell: Cell) {
    this.#mounted = new Mounted(cell);
    this.#level = join(this.#mounted.directory, 'level');
    writeFileSync(this.#level, LEVELS.open);
  }

  async start(): Promise<void> {
    const dirs = [`--sim-dir=${this.#mounted.simDir}`, `--spool=${join(this.#mounted.directory, 'spool')}`];
    await this.#mounted.start(...dirs, '--cache-size=8M', `--lockdown-file=${this.#level}`);
  }

  async step(step: Step): Promise<void> {
    if (step.op === 'lock') return this.#lock();
    if (step.op === 'appear') return this.#appear(step.slot, step.size, step.failAt);
    const dump = this.#model.get(step.slot);
    if (dump === undefined || this.#locked) return this.#expectHidden(step.slot);
    if (step.op === 'unlink') return this.#unlink(step.slot, dump);
    const key = `${step.slot} ${step.reader}`;
    if (step.op === 'kill') return this.#kill(key);
    const user = this.#users.get(key) ?? (await FileUser.of(this.#mounted.at(nameOf(step.slot))));
    this.#users.set(key, user);
    if (step.op === 'forgetPages') await user.forget();
    else if (step.op === 'readAll') await this.#readAll(dump, user);
    else await this.#read(dump, user, step.at % (dump.bytes.length + 1), step.length);
  }

  /** Nothing but unlink has invalidated anything, and what is there is what is shown. */
  async finish(): Promise<void> {
    for (const index of this.#model.keys()) expect(existsSync(this.#file(index)), nameOf(index)).toBe(true);
    const shown = (await readdir(this.#mounted.mountpoint)).sort();
    expect(shown).toEqual(this.#locked ? [] : [...this.#model.keys()].map(nameOf).sort());
  }

  async #appear(index: number, size: number, failAt: number | undefined): Promise<void> {
    if (this.#model.has(index) || this.#locked) return;
    const dump = new ModelDump(dumpTag(0x2_0000_0000n + BigInt(index + 1)), sampleBytes(size, ++this.#seed));
    if (failAt !== undefined && failAt <= size) {
      dump.mayFail = 1;
      writeFileSync(`${this.#file(index)}.json`, JSON.stringify({ faults: [{ at: failAt, status: -1 }] }));
    } else writeFileSync(`${this.#file(index)}.json`, '{}');
    writeFileSync(this.#file(index), dump.bytes);
    this.#model.set(index, dump);
    await until('a dump that appears is listed', async () =>
      (await readdir(this.#mounted.mountpoint)).includes(nameOf(index)),
    );
  }

  async #read(dump: ModelDump, user: FileUser, start: number, length: number): Promise<void> {
    const got = await user.pread(start, length);
    if (typeof got === 'string') {
      expect(got).toBe('EIO');
      expect(dump.mayFail, 'errors come from firmware only').toBeGreaterThan(0);
      return;
    }
    const end = Math.min(dump.bytes.length, start + length);
    // A read(2) may stop before a page that could not be had; what it gives is right.
    const expected = dump.bytes.subarray(start, dump.mayFail > 0 ? start + got.length : end);
    expect(got.equals(expected), `${got.length} of ${length} at ${start} of ${dump.bytes.length}`).toBe(true);
    dump.deliver(start, start + got.length);
  }

  async #readAll(dump: ModelDump, user: FileUser): Promise<void> {
    for (let start = 0; start < dump.bytes.length; start += 262_144)
      await this.#read(dump, user, start, 262_144);
  }

  async #unlink(index: number, dump: ModelDump): Promise<void> {
    for (let each = 0; each < READERS; each += 1) await this.#kill(`${index} ${each}`);
    const failure = await unlink(this.#mounted.at(nameOf(index))).then(
      () => undefined,
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    if (failure !== undefined) {
      expect(existsSync(this.#file(index))).toBe(true);
      // The kernel reads ahead, so more may be delivered than the model knows of, never less.
      if (dump.isDelivered) expect([failure, dump.mayFail]).toEqual(['EIO', 1]);
      return;
    }
    // A handle whose close is still under way defers it.
    await until('firmware is told', () => existsSync(`${this.#file(index)}.invalidated`));
    await unlink(`${this.#file(index)}.invalidated`);
    this.#model.delete(index);
  }

  async #kill(key: string): Promise<void> {
    await this.#users.get(key)?.[Symbol.asyncDispose]();
    this.#users.delete(key);
  }

  async #lock(): Promise<void> {
    if (this.#locked) return;
    this.#locked = true;
    writeFileSync(this.#level, LEVELS.locked);
    await until('the daemon sees the level', () => this.#mounted.daemon.stderr.includes('locked down'));
    for (const user of this.#users.values()) expect(await user.pread(0, 10)).toBe('EPERM');
  }

  async #expectHidden(index: number): Promise<void> {
    expect(await readdir(this.#mounted.mountpoint)).not.toContain(nameOf(index));
  }

  #file(index: number): string {
    return join(this.#mounted.simDir, nameOf(index));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of [...this.#users.keys()]) await this.#kill(key);
    await this.#mounted[Symbol.asyncDispose]();
  }
}

describe.each(CELLS.filter(({ discipline }) => discipline === 'papr'))(
  'model on a mount, $transport',
  (cell) => {
    test('any order of appearing, reading, killing readers, removing and lockdown gives what the model says', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 20 }), async (steps) => {
          await using play = new Play(cell);
          await play.start();
          for (const each of steps) await play.step(each);
          await play.finish();
        }),
        { numRuns: 8, endOnFailure: true },
      );
    }, 240_000);
  },
);
