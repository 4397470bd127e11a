import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { epochMs } from '../support/bare.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import type { Cell } from '../support/mounted.js';
import { CELLS, KERNEL, Mounted, PROGRAM, TRANSPORTS, until } from '../support/mounted.js';
import { usageOf } from '../support/process-usage.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { SyscallClient } from '../support/syscall-client.js';
import type { Unlink } from '../support/trace-checker.js';
import { IS_SHORT, numbersFrom, report, scaled, SEED } from './figures.js';

const MIB = 1024 * 1024;
const FSX = fileURLToPath(new URL('fsx.py', import.meta.url));
const HOURS_MS = 4 * 3_600_000;

type Usage = ReturnType<typeof usageOf> & { readonly mounts: number };

/** Much smaller than what is read: everything has to be fetched again and again. */
const CACHE = '--cache-size=8MiB';
const SIZES = [1, 4096, 65_537, 1_500_007, 9 * MIB + 1];

/** V8 and the allocator keep some of what they were given; a leak of 100 bytes an operation is twice as much. */
const GARBAGE_MIB = 48;
const SPARE_THREADS = { kernel: 0, 'fuse-native': 10 };

function dumpsOf(mounted: Mounted, sizes: readonly number[] = SIZES): ExpectedDump[] {
  return sizes.map((size, index) => fileDump(mounted.simDir, 0x2_0000_0001n + BigInt(index), size));
}

/** @returns how many operations of each kind */
async function fsx(known: string, mountpoint: string, operations: number): Promise<Map<string, number>> {
  const args = [FSX, known, mountpoint, String(operations), `--seed=${SEED}`];
  const { stdout } = await mustRun('python3', args, { timeoutMs: HOURS_MS });
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, number>));
}

const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

const SOAKS = [
  { transport: 'kernel', discipline: 'papr', args: [], operations: 1_000_000 },
  // Nothing but a small cache between readers and firmware.
  { transport: 'kernel', discipline: 'librtas', args: ['--spool=none'], operations: 100_000 },
  { transport: 'fuse-native', discipline: 'papr', args: [], operations: 300_000 },
] as const;

describe.each(SOAKS)('fsx without writing, $transport, $discipline', ({ args, operations, ...cell }) => {
  test('reads in every way, by threads and processes: only the right bytes, and nothing grows', async () => {
    await using mounted = new Mounted(cell);
    dumpsOf(mounted);
    const trace = `--trace-rtas=${mounted.tracePath}`;
    await mounted.start(`--sim-dir=${mounted.simDir}`, CACHE, trace, ...args);
    const usage = (): Usage => ({ ...usageOf(mounted.daemon.child.pid!), mounts: mounted.mounts });
    // What is allocated once and kept is there then.
    await fsx(mounted.simDir, mounted.mountpoint, scaled(operations / 20));
    const before = usage();

    const began = performance.now();
    const counts = await fsx(mounted.simDir, mounted.mountpoint, scaled(operations));
    const seconds = Math.round((performance.now() - began) / 1000);

    const after = usage();
    const title = `soak, ${cell.transport}, ${cell.discipline}`;
    const words = [...counts].sort().map(([way, count]) => `${way} ${count}`);
    report(`${title}: ${total(counts)} operations in ${seconds} s: ${words.join(', ')}`);
    const flat = (['descriptors', 'threads', 'mounts', 'rssMib'] as const).map(
      (what) => `${what} ${Math.round(before[what])} -> ${Math.round(after[what])}`,
    );
    report(`${title}: ${flat.join(', ')}`);
    expect(total(counts)).toBeGreaterThan(0.99 * scaled(operations));
    expect(after.mounts).toBe(1);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(after.threads).toBeLessThanOrEqual(before.threads + SPARE_THREADS[cell.transport]);
    expect(after.rssMib - before.rssMib).toBeLessThan(GARBAGE_MIB);
  });
});

test('fsx notices a single wrong byte', async () => {
  await using mounted = new Mounted(KERNEL);
  const [dump] = dumpsOf(mounted, [10_000]) as [ExpectedDump];
  await mounted.start(`--sim-dir=${mounted.simDir}`);
  const bytes = dump.bytes(0, dump.size);
  bytes[5000]! ^= 1;
  writeFileSync(join(mounted.out, dump.name), bytes);
  const { status, stderr } = await runTool('python3', [FSX, mounted.out, mounted.mountpoint, '600']);
  expect(stderr).toContain(`${dump.name} (10000 bytes) differ`);
  expect(status).toBe(1);
});

// --- fio ---

const JOBS = 3;

/** Each engine hands its reads to the kernel by other calls. Those two cannot go past the page cache. */
const ENGINES = ['psync', 'pvsync2', 'mmap', 'libaio', 'io_uring', 'splice'].flatMap((engine, index) => {
  const ways = engine === 'mmap' || engine === 'splice' ? [0] : [0, 1];
  return (IS_SHORT ? [ways[index % ways.length]!] : ways).map((direct) => ({ engine, direct }));
});

describe.each(TRANSPORTS)('fio --readonly --verify, $transport', (cell) => {
  const name = '0x0000000200000001';
  const size = 4 * MIB;
  const job = ['--name=dump', `--size=${size}`, '--bs=4k', '--verify=crc32c', '--verify_state_save=0'];

  test('finds its pattern by every engine, several jobs at once', async () => {
    await using mounted = new Mounted(cell);
    const write = ['--rw=write', '--do_verify=0', `--filename=${join(mounted.simDir, name)}`];
    await mustRun('fio', [...job, ...write]);
    await mounted.start(`--sim-dir=${mounted.simDir}`, CACHE, `--trace-rtas=${mounted.tracePath}`);
    const missing = new Set<string>();
    let verified = 0;
    for (let round = 0; round < scaled(5); round += 1)
      for (const { engine, direct } of ENGINES) {
        const how = [`--ioengine=${engine}`, `--direct=${direct}`, '--iodepth=16', `--numjobs=${JOBS}`];
        const rest = ['--readonly', '--rw=randread', '--verify_fatal=1', `--filename=${mounted.at(name)}`];
        const { status, stderr } = await runTool('fio', [...job, ...how, '--thread', ...rest]);
        if (/not loadable|not supported|Function not implemented/.test(stderr)) {
          missing.add(`${engine}: ${stderr.split('\n', 1)[0]}`);
          continue;
        }
        expect({ engine, direct, status, stderr }).toEqual({ engine, direct, status: 0, stderr: '' });
        verified += (JOBS * size) / 4096;
      }
    const engines = [...new Set(ENGINES.map(({ engine }) => engine))].join(', ');
    report(`fio, ${cell.transport}: ${verified} blocks of 4 KiB verified by ${engines}`);
    for (const why of missing) report(`fio, ${cell.transport}: skipped: ${why}`);
    expect(verified).toBeGreaterThan(0);
  });
});

// --- tools ---

interface Tool {
  readonly name: string;
  /** Copies everything from a mount; the copies are below `into` then. */
  readonly script: string;
}

const TOOLS: readonly Tool[] = [
  { name: 'cp', script: 'cp -a "$MOUNT/." "$INTO"' },
  {
    name: 'rsync',
    script: 'rsync -a --checksum "$MOUNT/" "$INTO/" && rsync -a --checksum "$MOUNT/" "$INTO/"',
  },
  { name: 'tar', script: 'tar -C "$MOUNT" -cf - . | tar -C "$INTO" -xf -' },
  {
    name: 'find',
    script: 'cd "$MOUNT" && find . -type f -exec sh -c \'cat "$1" > "$INTO/$1"\' - {} \\;',
  },
  {
    name: 'restic',
    script:
      'export RESTIC_PASSWORD=x; r="restic -q --no-cache -r $WORK"; $r init && $r backup "$MOUNT" && $r restore latest --target "$INTO"',
  },
  {
    name: 'borg',
    script:
      'export BORG_BASE_DIR=$WORK/home; borg init -e none "$WORK/repo" && cd "$MOUNT" && borg create "$WORK/repo::a" . && cd "$INTO" && borg extract "$WORK/repo::a"',
  },
  {
    name: 'rclone',
    script: 'rclone --config "" copy "$MOUNT" "$INTO" && rclone --config "" check --one-way "$MOUNT" "$INTO"',
  },
];

/** Files below a directory by name, whatever directories a tool makes around them. */
function copiesIn(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  return new Map(files.map(({ name, parentPath }) => [name, digest(join(parentPath, name))]));
}

/** @returns how many copies were compared */
async function expectCopied(mounted: Mounted, tool: Tool, dumps: readonly ExpectedDump[]): Promise<number> {
  const work = join(mounted.out, tool.name);
  const into = join(work, 'into');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  const set = `export MOUNT='${mounted.mountpoint}' INTO='${into}' WORK='${work}'; set -e -o pipefail;`;
  await mustRun('bash', ['-c', `${set} ${tool.script}`], { timeoutMs: HOURS_MS });
  const copies = copiesIn(into);
  const expected = new Map(dumps.map((dump) => [dump.name, sha256(dump)]));
  expect(Object.fromEntries(copies), tool.name).toEqual(Object.fromEntries(expected));
  return copies.size;
}

describe.each(IS_SHORT ? TRANSPORTS : CELLS)('tools at once, $transport, $discipline', (cell) => {
  test('all copy the same, the right bytes', async () => {
    await using mounted = new Mounted(cell);
    const dumps = dumpsOf(mounted);
    await mounted.start(`--sim-dir=${mounted.simDir}`, CACHE, `--trace-rtas=${mounted.tracePath}`);
    const [there, missing] = await installed();
    let copies = 0;
    const rounds = scaled(10);
    for (let round = 0; round < rounds; round += 1) {
      const counts = await Promise.all(there.map((tool) => expectCopied(mounted, tool, dumps)));
      copies += counts.reduce((sum, count) => sum + count, 0);
    }
    const names = there.map(({ name }) => name).join(', ');
    report(
      `storm, ${cell.transport}, ${cell.discipline}: ${rounds} times ${names} at once: ${copies} copies`,
    );
    if (missing.length > 0) report(`storm: skipped: not installed: ${missing.join(', ')}`);
    expect(copies).toBe(rounds * there.length * dumps.length);
    expect(await mounted.invalidations()).toEqual([]);
  });
});

async function installed(): Promise<[there: readonly Tool[], missing: readonly string[]]> {
  const found = await Promise.all(
    TOOLS.map(async (tool) => (await runTool('sh', ['-c', `command -v ${tool.name}`])).status === 0),
  );
  const missing = TOOLS.filter((_, index) => !found[index]).map(({ name }) => name);
  return [TOOLS.filter((_, index) => found[index]), missing];
}

// --- a week ---

/** Hours of a machine that has dumps all the time: they arrive, are saved, stay, and are removed by users and by scripts. */
class Week {
  readonly #mounted: Mounted;
  readonly #random = numbersFrom(SEED);
  readonly #waiting = new Map<string, ExpectedDump>();
  readonly #unlinks: Unlink[] = [];
  readonly #user = new SyscallClient();
  readonly counts = { arrived: 0, saved: 0, removed: 0, mirrored: 0, restarts: 0 };

  constructor(mounted: Mounted) {
    this.#mounted = mounted;
    mounted.facts = { unlinks: this.#unlinks };
  }

  async hour(hour: number): Promise<void> {
    if (hour % 24 === 4) await this.#restart();
    for (let more = this.#upTo(7); more > 0; more -= 1) this.#arrive();
    await this.#listingIsTrue();
    if (this.#waiting.size > 12) await this.#saveAll();
    else if (this.#random() < 0.5) await this.#removeOne();
    if (hour % 24 === 2) await this.#mirror();
  }

  /** As many as were waited for, and no more. */
  async end(): Promise<void> {
    await this.#listingIsTrue();
    for (const dump of this.#waiting.values()) await this.#isRight(dump);
    const gone = readdirSync(this.#mounted.simDir).filter((name) => name.endsWith('.invalidated'));
    expect(gone).toHaveLength(this.counts.removed);
    this.#user[Symbol.dispose]();
  }

  start(): Promise<void> {
    const { simDir, tracePath } = this.#mounted;
    return this.#mounted.start(`--sim-dir=${simDir}`, CACHE, `--trace-rtas=${tracePath}`);
  }

  async #restart(): Promise<void> {
    expect(await this.#mounted.daemon.stop()).toBe(0);
    await this.start();
    this.counts.restarts += 1;
  }

  #arrive(): void {
    this.counts.arrived += 1;
    const tag = 0x2_0000_0000n + BigInt(this.counts.arrived);
    const dump = fileDump(this.#mounted.simDir, tag, 1 + this.#upTo(400_000));
    this.#waiting.set(dump.name, dump);
  }

  async #listingIsTrue(): Promise<void> {
    const expected = [...this.#waiting.keys()].sort().join();
    await until('the listing is the truth', async () => {
      const names = await this.#user.must('ls', this.#mounted.mountpoint);
      return names.join() === expected;
    });
  }

  async #isRight(dump: ExpectedDump): Promise<void> {
    const { sha256: hash } = await this.#user.must('cat', this.#mounted.at(dump.name));
    expect(hash, dump.name).toBe(sha256(dump));
  }

  async #removeOne(): Promise<void> {
    const [dump] = this.#waiting.values();
    if (dump === undefined) return;
    await this.#isRight(dump);
    this.#note(dump);
    await this.#user.must('rm', this.#mounted.at(dump.name));
    await this.#isGone(dump);
  }

  /** What a cron job does. */
  async #saveAll(): Promise<void> {
    const into = join(this.#mounted.out, `saved-${this.counts.saved}`);
    mkdirSync(into);
    for (const dump of this.#waiting.values()) this.#note(dump);
    const save = [
      'save',
      '--all',
      '--remove',
      '--volatile',
      `--mountpoint=${this.#mounted.mountpoint}`,
      into,
    ];
    const { stderr } = await mustRun('env', [
      `RUNTIME_DIRECTORY=${join(this.#mounted.directory, 'run')}`,
      PROGRAM,
      ...save,
    ]);
    const copies = copiesIn(into);
    for (const dump of [...this.#waiting.values()]) {
      expect(copies.get(dump.name), `${dump.name}: ${stderr}`).toBe(sha256(dump));
      await this.#isGone(dump);
      this.counts.saved += 1;
    }
    rmSync(into, { recursive: true });
  }

  async #mirror(): Promise<void> {
    const mirror = join(this.#mounted.out, 'mirror');
    await mustRun('rsync', ['-a', '--delete', `${this.#mounted.mountpoint}/`, `${mirror}/`]);
    const expected = [...this.#waiting.values()].map((dump) => [dump.name, sha256(dump)]);
    expect(Object.fromEntries(copiesIn(mirror))).toEqual(Object.fromEntries(expected));
    this.counts.mirrored += 1;
  }

  #note({ name }: ExpectedDump): void {
    const now = epochMs();
    // It was read before; what is read from now on may be for others as well.
    this.#unlinks.push({ tag: name, beganAtMs: now, endedAtMs: now });
  }

  async #isGone({ name }: ExpectedDump): Promise<void> {
    await until(`${name} is gone`, () => existsSync(join(this.#mounted.simDir, `${name}.invalidated`)));
    this.#waiting.delete(name);
    this.counts.removed += 1;
  }

  #upTo(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

describe.each(TRANSPORTS)('a week of arrivals and removals, $transport', (cell: Cell) => {
  test('each dump is there until it is removed, and nothing grows', async () => {
    await using mounted = new Mounted(cell);
    const week = new Week(mounted);
    const began = performance.now();
    await week.start();
    const hours = scaled(7 * 24);
    for (let hour = 1; hour <= hours; hour += 1) await week.hour(hour);
    await week.end();
    const seconds = Math.round((performance.now() - began) / 1000);
    const words = Object.entries(week.counts).map(([what, count]) => `${what} ${count}`);
    report(`week, ${cell.transport}: ${hours} hours in ${seconds} s: ${words.join(', ')}`);
    expect(week.counts.arrived).toBeGreaterThan(0);
  });
});
