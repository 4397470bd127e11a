import { createHash } from 'node:crypto';
import { existsSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { epochMs, sampleBytes } from './bare.js';
import { ModelDump } from './model-dump.js';
import type { Mounted } from './mounted.js';
import { until } from './mounted.js';
import type { CallResult, Digest } from './syscall-client.js';
import { SyscallClient } from './syscall-client.js';
import type { Moment, Unlink } from './trace-checker.js';

/** Faults of one dump: firmware statuses at offsets, or answers of no bytes. */
export interface Disturbance {
  readonly chunk?: number | readonly [number, number];
  readonly announcedSize?: null;
  readonly announced?: false;
  readonly faults: readonly (
    { readonly at: number; readonly status: number } | { readonly at: number; readonly empty: number }
  )[];
}

/** What may happen to a mount. `slot` picks one of a few tags; places are cut down to the dump at hand. */
export type MountStep =
  | { readonly op: 'appear'; readonly slot: number; readonly size: number; readonly side: Disturbance }
  | { readonly op: 'read'; readonly slot: number; readonly at: readonly number[]; readonly length: number }
  | { readonly op: 'mmap'; readonly slot: number; readonly at: number; readonly length: number }
  | { readonly op: 'kill'; readonly slot: number; readonly afterMs: number }
  | { readonly op: 'cat' | 'stat' | 'hold' | 'readHeld' | 'letGo' | 'vanish' | 'rm'; readonly slot: number }
  | { readonly op: 'lock' };

export const SLOTS = 3;
const READERS = 4;

const UNLOCKED = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';

/** A dump in the model, and what is open of it. */
interface Known {
  readonly dump: ModelDump;
  readonly side: Disturbance;
  /** False: only somebody who asks by name makes the mount list it. */
  isListed: boolean;
}

/** An open descriptor of the process that holds files open. */
interface Held {
  readonly fd: number;
  readonly known: Known;
  /** The dump is gone: what was never fetched cannot be had. */
  isOrphaned: boolean;
}

const tagOf = (slot: number): DumpTag => dumpTag(0x2_0000_0001n + BigInt(slot));

/** Plays steps on a real mount and holds every answer against a plain model of what the mount promises. */
export class MountPlay implements Disposable {
  readonly #mounted: Mounted;
  readonly #lockdownFile: string;
  readonly #readers: SyscallClient[];
  readonly #holder = new SyscallClient();
  readonly #model = new Map<number, Known>();
  readonly #held = new Map<number, Held>();
  readonly #unlinks: Unlink[] = [];
  readonly #arrivals: Moment[] = [];
  #seed = 0;
  #locked = false;

  constructor(mounted: Mounted) {
    this.#mounted = mounted;
    this.#lockdownFile = join(mounted.directory, 'lockdown');
    writeFileSync(this.#lockdownFile, UNLOCKED);
    mounted.facts = { unlinks: this.#unlinks, arrivals: this.#arrivals };
    this.#readers = Array.from({ length: READERS }, () => new SyscallClient());
  }

  /** What the daemon has to be started with. */
  get options(): readonly string[] {
    return [
      `--sim-dir=${this.#mounted.simDir}`,
      `--lockdown-file=${this.#lockdownFile}`,
      `--trace-rtas=${this.#mounted.tracePath}`,
      '--cache-size=8MiB',
      '--unmount-timeout=0',
    ];
  }

  async step(step: MountStep): Promise<void> {
    switch (step.op) {
      case 'appear':
        return this.#appear(step.slot, step.size, step.side);
      case 'read':
        return this.#read(step.slot, step.at, step.length);
      case 'mmap':
        return this.#mmap(step.slot, step.at, step.length);
      case 'cat':
        return this.#cat(step.slot);
      case 'stat':
        return this.#stat(step.slot);
      case 'kill':
        return this.#kill(step.slot, step.afterMs);
      case 'hold':
        return this.#hold(step.slot);
      case 'readHeld':
        return this.#readHeld(step.slot);
      case 'letGo':
        return this.#letGo(step.slot);
      case 'vanish':
        return this.#vanish(step.slot);
      case 'rm':
        return this.#remove(step.slot);
      case 'lock':
        return this.#lock();
    }
  }

  /** What must hold after any steps: nothing but `rm` has removed anything, and the listing is the truth. */
  async finish(): Promise<void> {
    for (const [slot, { dump }] of this.#model)
      expect(existsSync(this.#file(slot)), `${tagName(dump.tag)} still in firmware`).toBe(true);
    const listed = [...this.#model.values()]
      .filter(({ isListed }) => isListed)
      .map(({ dump }) => tagName(dump.tag));
    const expected = this.#locked ? [] : listed.sort();
    const names = await this.#holder.must('ls', this.#mounted.mountpoint);
    // Those that nobody announces may have been found by a question that the model does not know of.
    expect(names.filter((name) => expected.includes(name))).toEqual(expected);
    expect(names.filter((name) => !this.#namesInModel().includes(name))).toEqual([]);
    if (this.#locked) expect(names).toEqual([]);
  }

  [Symbol.dispose](): void {
    for (const client of [this.#holder, ...this.#readers]) client[Symbol.dispose]();
  }

  // --- dumps come and go ---

  async #appear(slot: number, size: number, side: Disturbance): Promise<void> {
    if (this.#model.has(slot) || this.#locked) return;
    const dump = new ModelDump(tagOf(slot), sampleBytes(size, ++this.#seed));
    const faults = side.faults.filter(({ at }) => at <= size);
    dump.mayFail = faults.filter(
      (fault) => 'status' in fault && (fault.status === -1 || fault.status === 77),
    ).length;
    writeFileSync(`${this.#file(slot)}.json`, JSON.stringify({ ...side, faults }));
    writeFileSync(`${this.#file(slot)}.part`, dump.bytes);
    this.#arrivals.push({ tag: tagName(dump.tag), atMs: epochMs() });
    renameSync(`${this.#file(slot)}.part`, this.#file(slot));
    const known: Known = { dump, side, isListed: side.announced !== false };
    this.#model.set(slot, known);
    if (known.isListed) await this.#listing(tagName(dump.tag), true);
    else
      await until(
        'it can be asked for',
        async () => (await this.#holder.call('stat', this.#path(slot))).errno !== 'ENOENT',
      );
  }

  async #vanish(slot: number): Promise<void> {
    const known = this.#model.get(slot);
    // Nobody hears of it when a dump goes that was never announced.
    if (known === undefined || this.#locked || known.side.announced === false) return;
    unlinkSync(this.#file(slot));
    unlinkSync(`${this.#file(slot)}.json`);
    await this.#listing(tagName(known.dump.tag), false);
    this.#forget(slot);
  }

  async #remove(slot: number): Promise<void> {
    const call: Unlink = { tag: tagName(tagOf(slot)), beganAtMs: epochMs() };
    this.#unlinks.push(call);
    const { errno } = await this.#holder.call('rm', this.#path(slot));
    // Refused without a look: what is read meanwhile is for readers.
    call.endedAtMs = errno === 'EBUSY' ? call.beganAtMs : epochMs();
    const known = this.#model.get(slot);
    if (known === undefined || this.#locked) {
      expect(errno).toBe('ENOENT');
      return;
    }
    const { dump } = known;
    // The kernel reads ahead, so more may have been delivered than the model knows of.
    if (errno === 'EBUSY') expect(dump.isDelivered, 'all was delivered').toBe(false);
    else if (errno === 'EIO') expect(dump.mayFail, 'errors come from firmware only').toBeGreaterThan(0);
    else {
      expect(errno).toBeUndefined();
      await this.#gone(slot, known);
    }
  }

  /** After a successful `rm`: firmware is told at once, or when the last reader has closed it. */
  async #gone(slot: number, { dump }: Known): Promise<void> {
    const name = tagName(dump.tag);
    const invalidated = `${this.#file(slot)}.invalidated`;
    const held = this.#held.get(slot);
    if (held !== undefined) {
      await this.#listing(name, false);
      await this.#readHeld(slot);
      await this.#letGo(slot);
    }
    await until('firmware has forgotten the dump, or it is listed again', async () => {
      if (existsSync(invalidated)) return true;
      return dump.mayFail > 0 && (await this.#holder.must('ls', this.#mounted.mountpoint)).includes(name);
    });
    if (!existsSync(invalidated)) return;
    unlinkSync(invalidated);
    await this.#listing(name, false);
    this.#forget(slot);
  }

  async #lock(): Promise<void> {
    writeFileSync(this.#lockdownFile, LOCKED);
    this.#locked = true;
    expect(await this.#holder.must('ls', this.#mounted.mountpoint)).toEqual([]);
  }

  // --- readers ---

  async #read(slot: number, places: readonly number[], length: number): Promise<void> {
    const known = this.#model.get(slot);
    await Promise.all(
      places.map(async (at, index) => {
        const reader = this.#readers[index % READERS]!;
        const { value: fd, errno } = await reader.call('open', this.#path(slot));
        if (fd === undefined) {
          this.#expectNoName(known, errno);
          return;
        }
        if (known === undefined) throw new Error('a dump was opened that is not there');
        const start = at % (known.dump.bytes.length + 1);
        this.#check(known, start, length, await reader.call('pread', fd, start, length));
        await reader.must('close', fd);
      }),
    );
  }

  async #cat(slot: number): Promise<void> {
    const known = this.#model.get(slot);
    const result = await this.#readers[0]!.call('cat', this.#path(slot));
    if (known === undefined || this.#locked) this.#expectNoName(known, result.errno);
    else this.#check(known, 0, known.dump.bytes.length, result);
  }

  async #stat(slot: number): Promise<void> {
    const known = this.#model.get(slot);
    const { value, errno } = await this.#readers[1]!.call('stat', this.#path(slot));
    if (known === undefined || this.#locked) this.#expectNoName(known, errno);
    else if (errno !== undefined) this.#expectFault(known, errno);
    else {
      expect(value).toBe(known.dump.bytes.length);
      known.isListed = true;
    }
  }

  async #mmap(slot: number, at: number, length: number): Promise<void> {
    const known = this.#model.get(slot);
    const start = at % Math.max(1, known?.dump.bytes.length ?? 1);
    const result = await this.#readers[2]!.call('mmap', this.#path(slot), start, length);
    if (result.errno === 'killed') {
      // SIGBUS is how a fault in a mapping is told.
      this.#readers[2] = new SyscallClient();
      this.#expectFault(known, 'EIO');
    } else if (known === undefined || this.#locked) this.#expectNoName(known, result.errno);
    else this.#check(known, start, length, result);
  }

  async #kill(slot: number, afterMs: number): Promise<void> {
    const reader = new SyscallClient();
    await reader.must('pid');
    const result = reader.call('cat', this.#path(slot));
    await sleep(afterMs);
    reader[Symbol.dispose]();
    const { errno } = await result;
    expect(errno, 'a killed reader is gone').not.toBe('hangs');
  }

  async #hold(slot: number): Promise<void> {
    if (this.#held.has(slot)) return;
    const known = this.#model.get(slot);
    const { value: fd, errno } = await this.#holder.call('open', this.#path(slot));
    if (fd === undefined || known === undefined) this.#expectNoName(known, errno);
    else this.#held.set(slot, { fd, known, isOrphaned: false });
  }

  async #readHeld(slot: number): Promise<void> {
    const held = this.#held.get(slot);
    if (held === undefined) return;
    const { bytes } = held.known.dump;
    const start = Math.floor(bytes.length / 3);
    const read = (): Promise<CallResult<Digest>> => this.#holder.call('pread', held.fd, start, 50_000);
    if (this.#locked) {
      // The pages go by a notification to the kernel, which takes a moment.
      await until('a handle from before is refused', async () => (await read()).errno === 'EPERM');
      return;
    }
    const result = await read();
    if (held.isOrphaned && result.errno !== undefined) expect(result.errno).toBe('ESTALE');
    else this.#check(held.known, start, 50_000, result);
  }

  async #letGo(slot: number): Promise<void> {
    const held = this.#held.get(slot);
    if (held === undefined) return;
    this.#held.delete(slot);
    await this.#holder.must('close', held.fd);
  }

  // --- what to expect ---

  #check(known: Known, start: number, length: number, { value, errno }: CallResult<Digest>): void {
    if (value === undefined) {
      this.#expectFault(known, errno);
      return;
    }
    const expected = known.dump.bytes.subarray(start, start + length);
    expect(value).toEqual({
      bytes: expected.length,
      sha256: createHash('sha256').update(expected).digest('hex'),
    });
    known.dump.deliver(start, start + value.bytes);
    known.isListed = true;
  }

  #expectFault(known: Known | undefined, errno: string | undefined): void {
    expect(errno).toBe('EIO');
    expect(known?.dump.mayFail, 'errors come from firmware only').toBeGreaterThan(0);
  }

  /** No such name; a probe may run into what firmware does wrong. */
  #expectNoName(known: Known | undefined, errno: string | undefined): void {
    // libfuse asks by name for what is open, too: there it is the answer for a handle from before.
    if (this.#locked && this.#mounted.cell.transport === 'fuse-native')
      expect(['ENOENT', 'EPERM']).toContain(errno);
    else if (known === undefined || this.#locked) expect(errno).toBe('ENOENT');
    else this.#expectFault(known, errno);
  }

  async #listing(name: string, isThere: boolean): Promise<void> {
    await until(`${name} is ${isThere ? '' : 'not '}listed`, async () => {
      const names = await this.#holder.must('ls', this.#mounted.mountpoint);
      return names.includes(name) === isThere;
    });
  }

  #namesInModel(): string[] {
    return [...this.#model.values()].map(({ dump }) => tagName(dump.tag));
  }

  #forget(slot: number): void {
    this.#model.delete(slot);
    const held = this.#held.get(slot);
    if (held !== undefined) held.isOrphaned = true;
  }

  #path(slot: number): string {
    return this.#mounted.at(tagName(tagOf(slot)));
  }

  #file(slot: number): string {
    return join(this.#mounted.simDir, tagName(tagOf(slot)));
  }
}
