import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { epochMs, sampleBytes } from '../support/bare.js';
import type { Mounted } from '../support/mounted.js';
import { until } from '../support/mounted.js';
import { SmallDisk } from '../support/small-disk.js';
import type { CallResult, Digest } from '../support/syscall-client.js';
import { SyscallClient } from '../support/syscall-client.js';
import type { Moment, Unlink } from '../support/trace-checker.js';
import { readTrace, traceFaults } from '../support/trace-checker.js';
import { numbersFrom } from './figures.js';
import { MemoryGroup } from './shortage.js';

const DUMPS = 5;
const READERS = 3;
const MIB = 1024 * 1024;
const MOST_BYTES = 3 * MIB;

/** Where Debian and Fedora put it. */
const FAKETIME = ['x86_64-linux-gnu/', 'powerpc64le-linux-gnu/', 'aarch64-linux-gnu/', ''].map(
  (directory) => `/usr/lib/${directory}faketime/libfaketimeMT.so.1`,
);

/** What a reader may be told while the daemon dies, starves or loses its mount. Wrong bytes are never among it. */
const EXCUSES = new Set([
  'ENOTCONN',
  'ECONNABORTED',
  'ENODEV',
  'EIO',
  'ENOENT',
  'ESTALE',
  'EINTR',
  'EAGAIN',
  'EBUSY',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
]);

interface Known {
  bytes: Buffer;
  sha256: string;
}

type Fault = (typeof FAULTS)[number];
const FAULTS = [
  'kill -9',
  'kill -9 in rm',
  'SIGSTOP',
  'out of memory',
  'spool full',
  'trace full',
  'disk of spool and trace fails',
  'no descriptors',
  'a thread fails',
  'clock jumps',
  'mount point removed',
  'lazy unmount',
  'connection aborted',
  'tag replaced',
  'removal',
] as const;

/** What a thread's system calls may really come back with: files, memory and descriptors; never the FUSE device. */
const FAILURES = [
  'pread64,pwrite64,ioctl:error=EIO',
  'openat,dup,eventfd2:error=EMFILE',
  'mmap,mprotect:error=ENOMEM',
];

/** TORTURE_FAULTS='clock jumps,removal': no others. */
const CHOSEN = FAULTS.filter((fault) => process.env['TORTURE_FAULTS']?.split(',').includes(fault) ?? true);

/** Faults are dealt like cards: none comes twice before each has come once. */
export class Deals {
  readonly #random: () => number;
  #deck: Fault[] = [];

  constructor(seed: number) {
    this.#random = numbersFrom(seed);
  }

  next(): Fault {
    if (this.#deck.length === 0) this.#deck = shuffled(CHOSEN, this.#random);
    return this.#deck.pop()!;
  }
}

/** Rounds of faults against one directory of dumps: readers at work, a fault, a daemon again, and everything is looked at. */
export class Rounds implements AsyncDisposable {
  readonly #mounted: Mounted;
  readonly #random: () => number;
  readonly #figures: Map<string, number>;
  readonly #dumps = new Map<string, Known>();
  /** Those that were removed, with the digest of what was delivered. */
  readonly #removed = new Map<string, string>();
  /** What had the tag before, while the mount may not have noticed yet. */
  readonly #replaced = new Map<string, Buffer>();
  readonly #unlinks: Unlink[] = [];
  readonly #arrivals: Moment[] = [];
  readonly #startsMs: number[] = [];
  readonly #readers: SyscallClient[] = [];
  readonly #user = new SyscallClient();
  #next = 1;

  private constructor(mounted: Mounted, seed: number, figures: Map<string, number>) {
    this.#mounted = mounted;
    this.#random = numbersFrom(seed);
    this.#figures = figures;
    for (let index = 0; index < READERS; index += 1) this.#readers.push(new SyscallClient());
  }

  static async begin(mounted: Mounted, seed: number, figures: Map<string, number>): Promise<Rounds> {
    const rounds = new Rounds(mounted, seed, figures);
    for (let index = 0; index < DUMPS; index += 1) rounds.#arrive();
    await rounds.#start();
    return rounds;
  }

  async next(fault: Fault): Promise<void> {
    while (this.#dumps.size < DUMPS) this.#arrive();
    const isOver = { yet: false };
    const struck = this.#mounted.daemon;
    const load = this.#readers.map((_, index) => this.#readOn(index, isOver));
    try {
      await sleep(this.#upTo(60));
      await this.#strike(fault);
    } finally {
      isOver.yet = true;
      await Promise.all(load);
    }
    expect(struck.stderr, 'no stack trace').not.toMatch(/^\s+at /m);
    if (!this.#mounted.daemon.running) await this.#start();
    await this.#lookAtEverything(fault);
    this.#count('rounds');
    this.#count(fault);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.#user, ...this.#readers]) client[Symbol.dispose]();
    if (this.#mounted.daemon.running) await this.#mounted.daemon.stop();
  }

  // --- faults ---

  #strike(fault: Fault): Promise<void> {
    switch (fault) {
      case 'kill -9':
        return this.#kill();
      case 'kill -9 in rm':
        return this.#killInRemoval();
      case 'SIGSTOP':
        return this.#stop();
      case 'out of memory':
        return this.#outOfMemory();
      case 'spool full':
        return this.#spoolFull();
      case 'trace full':
        return this.#traceFull();
      case 'disk of spool and trace fails':
        return this.#diskFails();
      case 'no descriptors':
        return this.#noDescriptors();
      case 'a thread fails':
        return this.#threadFails();
      case 'clock jumps':
        return this.#clockJumps();
      case 'mount point removed':
        return this.#mountPointRemoved();
      case 'lazy unmount':
        return this.#unmount('-l');
      case 'connection aborted':
        return this.#unmount('-f');
      case 'tag replaced':
        return this.#replace();
      case 'removal':
        return this.#removal();
    }
  }

  async #kill(): Promise<void> {
    this.#mounted.daemon.child.kill('SIGKILL');
    await this.#mounted.daemon.exit();
    // A mirroring tool must not take the rest of a mount for an empty directory.
    expect((await this.#user.call('ls', this.#mounted.mountpoint)).errno).toBe('ENOTCONN');
  }

  async #killInRemoval(): Promise<void> {
    const name = this.#any();
    this.#check(name, await this.#user.call('cat', this.#mounted.at(name)));
    const removal = this.#remove(name);
    await sleep(this.#upTo(10));
    this.#mounted.daemon.child.kill('SIGKILL');
    await this.#mounted.daemon.exit();
    await removal;
    // With open readers rm succeeds before firmware is told. Only firmware knows what came of it.
    if (this.#isInvalidated(name)) this.#departed(name);
  }

  async #stop(): Promise<void> {
    this.#mounted.daemon.child.kill('SIGSTOP');
    await sleep(this.#upTo(200));
    this.#mounted.daemon.child.kill('SIGCONT');
    await this.#catAll();
  }

  async #outOfMemory(): Promise<void> {
    using group = MemoryGroup.of(this.#mounted.daemon.child.pid!);
    if (group === undefined) {
      this.#count('out of memory: not possible here');
      return;
    }
    await this.#askAll();
    if (this.#mounted.daemon.running) {
      // It got along: its end is the same for whoever looks on.
      this.#count('out of memory: survived');
      this.#mounted.daemon.child.kill('SIGKILL');
    } else this.#count('out of memory: killed');
    await this.#mounted.daemon.exit();
  }

  async #spoolFull(): Promise<void> {
    using disk = this.#disk(() => SmallDisk.inMemory(this.#mounted.directory, MIB));
    if (disk === undefined) return;
    await this.#restart(`--spool=${disk.directory}`);
    await this.#catAll();
    await this.#restart();
  }

  async #traceFull(): Promise<void> {
    using disk = this.#disk(() => SmallDisk.inMemory(this.#mounted.directory, MIB));
    if (disk === undefined) return;
    disk.fill();
    await this.#restart(`--trace-rtas=${join(disk.directory, 'trace')}`);
    await this.#restart();
  }

  async #diskFails(): Promise<void> {
    // Written at once: else nobody but the kernel would hear of it.
    using memory = this.#disk(() => SmallDisk.inMemory(this.#mounted.directory, 64 * MIB));
    using disk = this.#disk(() => SmallDisk.onDevice(memory?.directory ?? '', 48 * MIB, 'sync'));
    if (disk === undefined) return;
    const spool = join(disk.directory, 'spool');
    mkdirSync(spool, { mode: 0o700 });
    await this.#stopAndStart(`--spool=${spool}`, `--trace-rtas=${join(disk.directory, 'trace')}`);
    // Readers have begun.
    await sleep(this.#upTo(300));
    disk.fail();
    await this.#catAll();
    await this.#restart();
  }

  #disk(make: () => SmallDisk): SmallDisk | undefined {
    try {
      return make();
    } catch (error) {
      this.#count(`no disk of its own here: ${String(error)}`);
      return undefined;
    }
  }

  async #noDescriptors(): Promise<void> {
    const pid = this.#mounted.daemon.child.pid!;
    const limit = (soft: string): void =>
      void spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`], { stdio: 'ignore' });
    const open = readdirSync(`/proc/${pid}/fd`).length;
    limit(String(open));
    await this.#askAll();
    limit('1024');
    await this.#catAll();
  }

  /** No signal ends one thread alone. What ends it are system calls that fail, in a thread that nobody foresaw. */
  async #threadFails(): Promise<void> {
    const pid = this.#mounted.daemon.child.pid!;
    const threads = readdirSync(`/proc/${pid}/task`).filter((tid) => tid !== String(pid));
    const some = shuffled(threads, this.#random).slice(0, 1 + this.#upTo(threads.length));
    const inject = `inject=${FAILURES[this.#upTo(FAILURES.length)]!}:when=${1 + this.#upTo(9)}+${1 + this.#upTo(9)}`;
    const args = ['-qq', '-o', '/dev/null', '-e', inject, ...some.map((tid) => `--attach=${tid}`)];
    const strace = spawn('strace', args, { stdio: 'ignore' });
    const ended = once(strace, 'close');
    await until('strace is there', () => isTraced(pid, some[0]!) || strace.exitCode !== null);
    await this.#askAll();
    strace.kill('SIGINT');
    await ended;
    // Some failures it gets over, others end it: a thread without which it cannot serve is such a one.
    const { signalCode, exitCode } = this.#mounted.daemon.child;
    const end = signalCode ?? exitCode;
    this.#count(end === null ? 'a thread fails: survived' : `a thread fails: ended by ${end}`);
    // Half alive is not for later rounds.
    if (end === null) this.#mounted.daemon.child.kill('SIGKILL');
    await this.#mounted.daemon.exit();
  }

  /** Of the real time alone: no other clock of Linux ever jumps. */
  async #clockJumps(): Promise<void> {
    const library = FAKETIME.find((path) => existsSync(path));
    if (library === undefined) {
      this.#count('clock jumps: no libfaketime here');
      return;
    }
    const clock = join(this.#mounted.directory, 'clock');
    const jump = (): void => {
      writeFileSync(`${clock}.new`, `${this.#upTo(2) === 0 ? '-' : '+'}${this.#upTo(20 * 365)}d\n`);
      renameSync(`${clock}.new`, clock);
    };
    jump();
    const trace = join(this.#mounted.directory, 'trace of another time');
    this.#mounted.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
    await this.#stopAndStart(`--trace-rtas=${trace}`);
    this.#mounted.env = {};
    for (let jumps = 0; jumps < 3; jumps += 1) {
      jump();
      await this.#catAll();
      await this.#removal();
      this.#arrive();
    }
    await this.#restart();
    expect(traceFaults(readTrace(trace)), 'whatever the time').toEqual([]);
  }

  /** What is not a mount point in one namespace may be removed there: it takes the mounts of all others along. */
  async #mountPointRemoved(): Promise<void> {
    const remove = 'umount -i -l "$0" && rmdir "$0"';
    const args = ['-m', '--propagation', 'private', 'sh', '-c', remove, this.#mounted.mountpoint];
    const { status } = spawnSync('unshare', args, { stdio: 'ignore' });
    expect(status).toBe(0);
    expect(await this.#mounted.daemon.exit()).toBe(0);
    expect(existsSync(this.#mounted.mountpoint)).toBe(false);
    mkdirSync(this.#mounted.mountpoint);
  }

  async #unmount(how: '-l' | '-f'): Promise<void> {
    spawnSync('umount', ['-i', how, this.#mounted.mountpoint], { stdio: 'ignore' });
    if (how === '-f' && this.#mounted.mounts > 0)
      spawnSync('umount', ['-i', '-l', this.#mounted.mountpoint], { stdio: 'ignore' });
    await this.#mounted.daemon.exit();
  }

  /** Another dump takes a tag whose first one was read to the end: that one is not for `rm` to take. */
  async #replace(): Promise<void> {
    const name = this.#any();
    this.#check(name, await this.#user.call('cat', this.#mounted.at(name)));
    this.#replaced.set(name, this.#dumps.get(name)!.bytes);
    this.#put(name);
    // A handle of the character device that has just delivered a dump is believed, until the next one is announced.
    if (this.#mounted.cell.discipline === 'papr')
      await until('the new dump is shown', () => this.#isShown(name));
    const refused = await this.#remove(name);
    // With open readers it is accepted, and firmware's dump is looked at when the last of them closes.
    expect(['EBUSY', 'ENOENT', undefined], 'rm of what nobody has read whole').toContain(refused);
    await until(
      'the new dump is shown',
      async () => this.#isInvalidated(name) || (await this.#isShown(name)),
    );
    // A reader was faster, and what the kernel reads ahead was all of it: the trace has to show that.
    if (this.#isInvalidated(name)) this.#departed(name);
    else this.#check(name, await this.#user.call('cat', this.#mounted.at(name)));
    this.#replaced.delete(name);
  }

  async #isShown(name: string): Promise<boolean> {
    const { value } = await this.#user.call('stat', this.#mounted.at(name));
    return value === this.#dumps.get(name)!.bytes.length;
  }

  async #removal(): Promise<void> {
    const name = this.#any();
    this.#check(name, await this.#user.call('cat', this.#mounted.at(name)));
    const errno = await this.#remove(name);
    // Readers may have it open: then it goes a moment later.
    expect(errno).toBeUndefined();
    await until(`${name} is gone in firmware`, () => this.#isInvalidated(name));
    this.#departed(name);
  }

  async #restart(...args: string[]): Promise<void> {
    await this.#stopAndStart(...args);
    await this.#catAll();
  }

  async #stopAndStart(...args: string[]): Promise<void> {
    await this.#mounted.daemon.stop();
    await until('the old mount is gone', () => this.#mounted.mounts === 0);
    await this.#start(...args);
  }

  // --- a daemon, and what it serves ---

  async #start(...args: string[]): Promise<void> {
    this.#startsMs.push(Date.now());
    // The last of an option counts.
    const trace = args.some((arg) => arg.startsWith('--trace-rtas'))
      ? []
      : [`--trace-rtas=${this.#mounted.tracePath}`];
    await this.#mounted.start(
      `--sim-dir=${this.#mounted.simDir}`,
      '--cache-size=8MiB',
      '--unmount-timeout=0',
      ...trace,
      ...args,
    );
  }

  #arrive(): void {
    const name = `0x${(0x2_0000_0000 + this.#next).toString(16).padStart(16, '0')}`;
    this.#next += 1;
    this.#put(name);
  }

  #put(name: string): void {
    const bytes = sampleBytes(1 + this.#upTo(MOST_BYTES), this.#next * 1000 + this.#upTo(1000));
    const file = join(this.#mounted.simDir, name);
    writeFileSync(`${file}.part`, bytes);
    this.#arrivals.push({ tag: name, atMs: epochMs() });
    renameSync(`${file}.part`, file);
    this.#dumps.set(name, { bytes, sha256: digestOf(bytes) });
  }

  async #remove(name: string): Promise<string | undefined> {
    const call: Unlink = { tag: name, beganAtMs: epochMs() };
    this.#unlinks.push(call);
    const { errno } = await this.#user.call('rm', this.#mounted.at(name));
    // Others read meanwhile: what is read within it is not only for the comparison.
    call.endedAtMs = call.beganAtMs;
    return errno;
  }

  #isInvalidated(name: string): boolean {
    return existsSync(join(this.#mounted.simDir, `${name}.invalidated`));
  }

  #departed(name: string): void {
    this.#removed.set(name, this.#dumps.get(name)!.sha256);
    this.#dumps.delete(name);
  }

  // --- readers ---

  /** Reads here and there until told otherwise. */
  async #readOn(index: number, isOver: { readonly yet: boolean }): Promise<void> {
    while (!isOver.yet) {
      const name = this.#any();
      const { bytes } = this.#dumps.get(name)!;
      const before = this.#replaced.get(name);
      const reader = this.#readers[index]!;
      const start = this.#upTo(bytes.length);
      const length = 1 + this.#upTo(500_000);
      const { value: fd, errno } = await reader.call('open', this.#mounted.at(name));
      if (fd === undefined) {
        expect(EXCUSES, `open: ${errno}`).toContain(errno);
        await sleep(10);
        continue;
      }
      const result = await reader.call('pread', fd, start, length);
      const mayBe = [bytes, before, this.#dumps.get(name)?.bytes].flatMap((one) =>
        one === undefined ? [] : digestOf(one.subarray(start, start + length)),
      );
      if (result.value === undefined) expect(EXCUSES, `read: ${result.errno}`).toContain(result.errno);
      else expect(mayBe, `${length} bytes at ${start} of ${name}`).toContain(result.value.sha256);
      await reader.call('close', fd);
      this.#count('reads');
    }
  }

  async #catAll(): Promise<void> {
    for (const name of this.#dumps.keys())
      this.#check(name, await this.#user.call('cat', this.#mounted.at(name)));
  }

  /** Of somebody who may be in trouble: the right bytes, or an excuse. */
  async #askAll(): Promise<void> {
    for (const name of this.#dumps.keys()) {
      const result = await this.#user.call('cat', this.#mounted.at(name));
      if (result.errno === undefined) this.#check(name, result);
      else expect(EXCUSES, result.errno).toContain(result.errno);
    }
  }

  #check(name: string, { value, errno }: CallResult<Digest>): void {
    expect(errno, `${name}: ${this.#mounted.daemon.stderr}`).toBeUndefined();
    expect(value?.sha256, name).toBe(this.#dumps.get(name)?.sha256);
    this.#count('dumps compared');
  }

  // --- what must hold after each round ---

  async #lookAtEverything(fault: Fault): Promise<void> {
    const expected = [...this.#dumps.keys()].sort();
    await until(`the listing is the truth after ${fault}`, async () => {
      const { value = [] } = await this.#user.call('ls', this.#mounted.mountpoint);
      return value.sort().join() === expected.join();
    });
    await this.#catAll();
    const gone = readdirSync(this.#mounted.simDir).flatMap(
      (name) => /^(.*)\.invalidated$/.exec(name)?.[1] ?? [],
    );
    expect(gone.sort(), 'exactly the removed ones are gone').toEqual([...this.#removed.keys()].sort());
    for (const [name, sha256] of this.#removed)
      expect(digestOf(readFileSync(join(this.#mounted.simDir, `${name}.invalidated`))), name).toBe(sha256);
    const facts = { unlinks: this.#unlinks, arrivals: this.#arrivals, startsMs: this.#startsMs };
    const calls = readTrace(this.#mounted.tracePath);
    expect(traceFaults(calls, facts), `after ${fault}`).toEqual([]);
    this.#figures.set('traced calls', Math.max(calls.length, this.#figures.get('traced calls') ?? 0));
  }

  #count(what: string): void {
    this.#figures.set(what, (this.#figures.get(what) ?? 0) + 1);
  }

  #any(): string {
    const names = [...this.#dumps.keys()];
    return names[this.#upTo(names.length)]!;
  }

  #upTo(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function isTraced(pid: number, tid: string): boolean {
  try {
    return !/^TracerPid:\s+0$/m.test(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'));
  } catch {
    return true; // It has ended meanwhile.
  }
}
