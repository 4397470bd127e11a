import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tagName } from '../../src/base/tag.js';
import { FsError } from '../../src/base/errno.js';
import { ROOT_INO } from '../../src/fs/index.js';
import { BLOCK_BYTES } from '../../src/memory/index.js';
import { MIN_SLOTS, budgetFor } from '../../src/memory/budget.js';
import { LOOK_MS } from '../../src/transfer/pool.js';
import { context } from '../support/bare.js';
import type { Choose } from '../support/schedules.js';
import { everyOrder, inOrderOf } from '../support/schedules.js';
import { settled } from '../support/transfer-bench.js';
import type { FirmwareDump } from '../support/without-threads.js';
import { WithoutThreads } from '../support/without-threads.js';

/** Choices of which every order is tried; more in `npm run torture`. */
const DEPTH = Number(process.env['SCHEDULE_DEPTH'] ?? 4);
const RANDOM = Number(process.env['SCHEDULE_RUNS'] ?? 20);

/** As many orders as one may ask for. */
const PATIENT_MS = 3_600_000;

/** What one actor does, one after the other: in `dump`, by position. */
type Deed =
  | { readonly do: 'open' | 'close' | 'unlink' | 'look'; readonly dump: number }
  | { readonly do: 'read'; readonly dump: number; readonly at: number; readonly length: number }
  /** Whoever does the latest deed of that actor is told to stop. */
  | { readonly do: 'interrupt'; readonly actor: number }
  | { readonly do: 'lockdown' };

interface Scenario {
  readonly title: string;
  /** So many who could go on make very many orders: choices less. */
  readonly less?: number;
  readonly sizes: readonly number[];
  readonly actors: readonly (readonly Deed[])[];
}

const SIZE = BLOCK_BYTES + 1000;
const read = (dump: number, at = 0, length = SIZE): Deed => ({ do: 'read', dump, at, length });
const open = (dump = 0): Deed => ({ do: 'open', dump });
const close = (dump = 0): Deed => ({ do: 'close', dump });
const unlink = (dump = 0): Deed => ({ do: 'unlink', dump });
const LOCKDOWN: Deed = { do: 'lockdown' };

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'two readers of one dump, one from behind, one interrupted',
    sizes: [SIZE],
    actors: [
      [open(), read(0), close()],
      [open(), read(0, BLOCK_BYTES, 500), close()],
      [{ do: 'interrupt', actor: 0 }],
    ],
  },
  {
    title: 'a dump is read to its end and removed while another one reads it',
    sizes: [SIZE],
    actors: [
      [open(), read(0), close(), unlink()],
      [open(), read(0, 100, 200), close()],
    ],
  },
  {
    title: 'a dump is removed by two, and one of them is interrupted',
    sizes: [SIZE],
    actors: [[open(), read(0), close(), unlink()], [unlink()], [{ do: 'interrupt', actor: 0 }]],
  },
  {
    title: 'lockdown rises while dumps are read and removed',
    sizes: [SIZE, 700],
    actors: [[open(), read(0), close(), unlink()], [open(1), read(1), { do: 'look', dump: 0 }], [LOCKDOWN]],
  },
  {
    title: 'lockdown rises between unlink of an open dump and its last close',
    sizes: [SIZE],
    actors: [[open(), read(0), unlink(), read(0, 5, 50), close()], [LOCKDOWN]],
  },
  {
    title: 'more dumps begin to be read than passes may be open',
    less: 2,
    sizes: [SIZE, SIZE, SIZE, SIZE, SIZE, SIZE],
    actors: [0, 1, 2, 3, 4, 5].map((dump) => [open(dump), read(dump, 0, 10), read(dump, BLOCK_BYTES, 10)]),
  },
];

interface Actor {
  readonly deeds: readonly Deed[];
  next: number;
  isBusy: boolean;
  fh: number | undefined;
  /** What it has open was being removed by then, or was removed between lookup and open: the kernel looks once more. */
  isLate: boolean;
  stop: AbortController;
}

/** Deeds, and what threads do and say, in an order that somebody chooses; and what must hold whatever the order is. */
class Play {
  readonly #daemon: WithoutThreads;
  readonly #actors: Actor[];
  readonly #choose: Choose;
  /** Of each dump: 1 for each byte that a reader has. */
  readonly #delivered: Uint8Array[];
  readonly #unlinked = new Set<FirmwareDump>();
  /** A thread had been told to have a dump forgotten when lockdown rose. */
  #wasTold = false;
  #broken: unknown;

  constructor({ sizes, actors }: Scenario, resumable: boolean, choose: Choose) {
    this.#choose = choose;
    this.#daemon = new WithoutThreads({ sizes, resumable, chunkBytes: BLOCK_BYTES / 2 });
    this.#delivered = sizes.map((size) => new Uint8Array(size));
    this.#actors = actors.map((deeds) => ({
      deeds,
      next: 0,
      isBusy: false,
      fh: undefined,
      isLate: false,
      stop: new AbortController(),
    }));
    // Others go on while a thread is in the middle of a call.
    this.#daemon.onCall = () => this.#oneOf([() => undefined, ...this.#startable()]);
    this.#daemon.onInvalidate = (dump) => this.#checked(() => this.#mayGo(dump));
  }

  async run(): Promise<void> {
    for (let steps = 0; ; steps += 1) {
      await settled();
      assert(steps < 1000, 'it comes to no end');
      const possible = [...this.#startable(), ...this.#threads(), ...this.#clock()];
      if (possible.length === 0) break;
      this.#oneOf(possible);
    }
    // What is overwritten is, after those who were let through a moment before.
    await settled();
    await this.#finish();
    if (this.#broken !== undefined) throw this.#broken as Error;
  }

  async #finish(): Promise<void> {
    for (const [at, { isBusy, next }] of this.#actors.entries())
      assert(!isBusy, `actor ${at} waits for ever for the end of deed ${next - 1}`);
    const { passes } = budgetFor(MIN_SLOTS);
    assert(this.#daemon.mostOpen <= passes, `${this.#daemon.mostOpen} passes were open`);
    if (this.#daemon.isLocked) {
      assert(!this.#daemon.holdsBytes, 'bytes of dumps are left in memory');
      assert(
        this.#daemon.firmware.every((dump) => dump.open === 0),
        'a pass is left open',
      );
    } else this.#checkNames();
    await this.#daemon[Symbol.asyncDispose]();
  }

  #checkNames(): void {
    const names = [...this.#daemon.fs.readdir(0)]
      .map(({ name }) => name)
      .filter((name) => name.startsWith('0x'));
    const left = this.#daemon.firmware
      .filter(({ invalidated }) => !invalidated)
      .map(({ tag }) => tagName(tag));
    assert.deepEqual(names, left);
  }

  #oneOf(possible: readonly (() => void)[]): void {
    if (possible.length > 0) possible[possible.length === 1 ? 0 : this.#choose(possible.length)]?.();
  }

  #startable(): (() => void)[] {
    return this.#actors
      .filter(({ isBusy, next, deeds }) => !isBusy && next < deeds.length)
      .map((actor) => () => void this.#start(actor));
  }

  #threads(): (() => void)[] {
    return this.#daemon.threads.flatMap((thread) => [
      ...(thread.canWork ? [() => void thread.work()] : []),
      ...(thread.canSay ? [() => void thread.say()] : []),
    ]);
  }

  /** Somebody waits for the clock: a thread may be stuck then, and half of the times have had its slice. */
  #clock(): (() => void)[] {
    if (vi.getTimerCount() === 0) return [];
    return [
      () => {
        this.#daemon.nowMs += LOOK_MS / 2;
        vi.advanceTimersByTime(LOOK_MS);
      },
    ];
  }

  async #start(actor: Actor): Promise<void> {
    const deed = actor.deeds[actor.next];
    actor.next += 1;
    actor.isBusy = true;
    if (deed !== undefined)
      await this.#carryOut(actor, deed).catch((thrown: unknown) =>
        this.#checked(() => this.#mayFail(actor, deed, thrown)),
      );
    actor.isBusy = false;
  }

  async #carryOut(actor: Actor, deed: Deed): Promise<void> {
    const { fs } = this.#daemon;
    if (deed.do === 'lockdown') {
      this.#wasTold = this.#daemon.threads.some((thread) => thread.isToldToInvalidate);
      this.#daemon.raise();
    } else if (deed.do === 'interrupt') this.#actors[deed.actor]?.stop.abort();
    else if (deed.do === 'close') {
      if (actor.fh !== undefined) fs.release(actor.fh);
      actor.fh = undefined;
    } else if (deed.do === 'read') await this.#read(actor, deed);
    else await this.#byName(actor, deed.do, this.#daemon.firmware[deed.dump]!);
  }

  async #byName(actor: Actor, what: 'open' | 'unlink' | 'look', dump: FirmwareDump): Promise<void> {
    const { fs } = this.#daemon;
    const asked = context(actor.stop.signal);
    if (what === 'unlink') {
      this.#unlinked.add(dump);
      await fs.unlink(ROOT_INO, tagName(dump.tag), asked);
      const isOpen = this.#actors.some(({ fh }) => fh !== undefined);
      this.#checked(() => assert(dump.invalidated || isOpen, 'it is said to be removed, and is not'));
      return;
    }
    const { attributes } = await fs.lookup(ROOT_INO, tagName(dump.tag), asked);
    this.#checked(() => assert(!this.#daemon.isLocked, 'a name is shown after the rise'));
    if (what !== 'open') return;
    actor.isLate = this.#unlinked.has(dump);
    actor.fh = fs.open(attributes.ino, 0, asked);
  }

  async #read(actor: Actor, { dump: which, at, length }: Extract<Deed, { do: 'read' }>): Promise<void> {
    if (actor.fh === undefined) return;
    const dump = this.#daemon.firmware[which]!;
    using bytes = await this.#daemon.fs.read(actor.fh, at, length, context(actor.stop.signal));
    const got = Buffer.concat(bytes.segments);
    bytes.delivered();
    this.#delivered[which]?.fill(1, at, at + got.length);
    this.#checked(() => {
      assert(!this.#daemon.isLocked, 'a read is answered after the rise');
      assert(got.equals(dump.bytes.subarray(at, at + length)), `wrong bytes at ${at}`);
    });
  }

  /** The one thing that cannot be undone. */
  #mayGo(dump: FirmwareDump): void {
    const which = this.#daemon.firmware.indexOf(dump);
    assert(this.#unlinked.has(dump), 'nobody has unlinked what is invalidated');
    assert(this.#delivered[which]?.includes(0) === false, 'not all was delivered of what is invalidated');
    assert(!this.#daemon.isLocked || this.#wasTold, 'a dump is invalidated after the rise');
  }

  #mayFail(actor: Actor, deed: Deed, thrown: unknown): void {
    const { code } = FsError.from(thrown);
    if (code === 'EINTR') assert(actor.stop.signal.aborted);
    else if (code === 'EPERM') assert(this.#daemon.isLocked);
    else if (code === 'ENOENT') assert(this.#daemon.isLocked || this.#unlinked.size > 0);
    else if (code === 'EBUSY') assert.equal(deed.do, 'unlink');
    else if (code === 'ESTALE') assert(actor.isLate, 'it was open before anybody removed it');
    else throw thrown;
  }

  /** Throws at the end of the play: here nobody would hear of it. */
  #checked(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#broken ??= error;
    }
  }
}

// Otherwise the machine, when it is busy, would choose too.
beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterAll(() => void vi.useRealTimers());

describe.each([true, false])('resumable firmware: %s', (resumable) => {
  describe.each(SCENARIOS)('$title', (scenario) => {
    const depth = DEPTH - (scenario.less ?? 0);
    test(
      `in every order of the first ${depth} choices`,
      async () => {
        const play = (choose: Choose): Promise<void> => new Play(scenario, resumable, choose).run();
        const { schedules, longest } = await everyOrder(depth, play);
        if (process.env['SCHEDULE_DEPTH'] !== undefined)
          process.stderr.write(`${scenario.title}: ${schedules} orders, of up to ${longest} choices\n`);
        expect(schedules).toBeGreaterThan(depth);
        expect(longest).toBeGreaterThan(depth);
      },
      PATIENT_MS,
    );

    test(
      'in any order',
      async () => {
        const numbers = fc.array(fc.nat(1000), { minLength: 10, maxLength: 80 });
        await fc.assert(
          fc.asyncProperty(numbers, (order) => new Play(scenario, resumable, inOrderOf(order)).run()),
          { numRuns: RANDOM },
        );
      },
      PATIENT_MS,
    );
  });
});
