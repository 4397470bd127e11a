import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { PATIENCE_MS } from './patience.js';
import type { TraceFacts } from './trace-checker.js';
import { readTrace, traceFaults } from './trace-checker.js';

export const PROGRAM = fileURLToPath(new URL('../../bin/platdumpfs', import.meta.url));

/** What a suite is run with: how the kernel is spoken to, and what the layer above firmware allows. */
export interface Cell {
  readonly transport: 'kernel' | 'fuse-native';
  readonly discipline: 'papr' | 'librtas';
}

/** For what lies above the transport, and does not depend on what a pass costs. */
export const KERNEL: Cell = { transport: 'kernel', discipline: 'papr' };

/** For what lies above the transport. */
export const KERNEL_CELLS: readonly Cell[] = [KERNEL, { transport: 'kernel', discipline: 'librtas' }];

/** The discipline lies below everything that is particular to fuse-native: one column for it. */
export const NATIVE: Cell = { transport: 'fuse-native', discipline: 'papr' };
export const CELLS: readonly Cell[] = [...KERNEL_CELLS, NATIVE];

/** For what has nothing to do with firmware. */
export const TRANSPORTS: readonly Cell[] = [KERNEL, NATIVE];

/** scripts/small-machine.sh: options that come before those of the test, and a control group that daemons run in. */
const SMALL_OPTIONS = process.env['TEST_DAEMON_OPTIONS']?.split(' ') ?? [];
const SMALL_GROUP = process.env['TEST_DAEMON_GROUP'];

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A line of `--trace-rtas`. */
export interface TracedCall {
  readonly op: 'read' | 'invalidate';
  readonly tag: string;
  readonly offset: number;
  readonly status: number;
  readonly bytes: number;
}

export type Exit = number | NodeJS.Signals;

/** libfuse 2 knows ENODEV only as the end of a connection: of the other word that the kernel has for it, it complains. */
const LIBFUSE_AT_THE_END = /^fuse: reading device: Software caused connection abort$/;

/** Those of tests that took too long: what such a test waits for, its own clean-up included, never comes. */
const alive = new Set<Mounted>();
afterAll(async () => {
  await Promise.all([...alive].map((mounted) => mounted[Symbol.asyncDispose]()));
});

/**
 * A private directory with a mount point, simulated dumps and a place for copies, served by the program in a process
 * of its own. Whatever happens, nothing of it outlives the test: no process, no mount, no file.
 */
export class Mounted implements AsyncDisposable {
  readonly cell: Cell;
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-mount-')));
  readonly mountpoint = join(this.directory, 'mnt');
  readonly simDir = join(this.directory, 'dumps');
  readonly out = join(this.directory, 'out');
  readonly tracePath = join(this.directory, 'trace');
  /** Log lines that would otherwise fail the test: level error, or no log line at all. */
  readonly expected: RegExp[] = [];
  /** Set by who records every unlink(2) and every dump that takes a tag: the trace is then held against them, too. */
  facts: TraceFacts = {};
  /** What daemons that are started from now on have in their environment besides. */
  env: NodeJS.ProcessEnv = {};
  readonly #daemons: Daemon[] = [];
  readonly #startsMs: number[] = [];
  #isForced = false;
  #ending: Promise<void> | undefined;

  constructor(cell: Cell) {
    this.cell = cell;
    alive.add(this);
    if (cell.transport === 'fuse-native') this.expected.push(LIBFUSE_AT_THE_END);
    for (const path of [this.mountpoint, this.simDir, this.out]) mkdirSync(path);
  }

  /** Path of a dump below the mount point. */
  at(name: string): string {
    return join(this.mountpoint, name);
  }

  /** The daemon that was started last. */
  get daemon(): Daemon {
    const last = this.#daemons.at(-1);
    if (last === undefined) throw new Error('no daemon was started');
    return last;
  }

  /** Starts the program in the foreground and waits until it says that it is mounted. */
  async start(...args: string[]): Promise<void> {
    const daemon = this.launch(...args);
    await daemon.said('mounted');
  }

  /** Starts the program and returns at once. */
  launch(...args: string[]): Daemon {
    const daemon = this.daemonOf(this.command(...args));
    this.#daemons.push(daemon);
    return daemon;
  }

  /** @param args everything behind the name of the interpreter */
  protected daemonOf(args: readonly string[]): Daemon {
    return new Daemon(args, this.directory, { env: this.env });
  }

  /**
   * Starts the program on a FUSE device that the test has opened and mounts at the mount point, with these options for
   * the kernel. Whoever mounts unmounts: that is up to the test, too.
   */
  async startOnDevice(options: string, ...args: string[]): Promise<void> {
    const fd = openSync('/dev/fuse', 'r+');
    const all = `fd=3,rootmode=40000,user_id=0,group_id=0,${options}`;
    spawnSync('mount', ['-i', '-t', 'fuse.platdumpfs', '-o', all, 'sim', this.mountpoint], {
      stdio: ['ignore', 'inherit', 'inherit', fd],
    });
    const command = this.command(...args).slice(0, -1);
    const daemon = new Daemon([...command, '/dev/fd/3'], this.directory, {
      env: this.env,
      descriptors: [fd],
    });
    closeSync(fd);
    this.#daemons.push(daemon);
    await daemon.said('mounted');
  }

  /** Command line for this mount: everything behind the name of the interpreter. */
  command(...args: string[]): readonly string[] {
    const { transport, discipline } = this.cell;
    this.#startsMs.push(Date.now());
    this.#isForced ||= args.includes('--unlink=force');
    const fixed = [`--transport=${transport}`, `--sim-discipline=${discipline}`, '--log-format=json'];
    return [PROGRAM, 'mount', '--source=sim', ...fixed, ...SMALL_OPTIONS, ...args, this.mountpoint];
  }

  /** Entries of the mount table for the mount point. */
  get mounts(): number {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return lines.filter((line) => line.split(' ')[4] === this.mountpoint).length;
  }

  /** All firmware calls so far, of every daemon that was told to write `tracePath`. */
  async trace(): Promise<readonly TracedCall[]> {
    const lines = (await readFile(this.tracePath, 'utf8')).split('\n');
    // Behind the last end of a line is nothing, or half a line that is being written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as TracedCall);
  }

  async invalidations(): Promise<readonly string[]> {
    return (await this.trace()).filter(({ op }) => op === 'invalidate').map(({ tag }) => tag);
  }

  /** Stops what runs, clears what is left, and fails if that was more than an orderly stop should leave. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end().finally(() => alive.delete(this));
    return this.#ending;
  }

  async #end(): Promise<void> {
    const faults: string[] = [];
    for (const daemon of this.#daemons) {
      if (daemon.running) faults.push(...(await daemon.stopOrKill()));
      faults.push(...daemon.strayOutput(this.expected));
    }
    const facts = { ...this.facts, startsMs: this.#startsMs, isForced: this.#isForced };
    faults.push(...traceFaults(readTrace(this.tracePath), facts));
    if (this.mounts > 0) faults.push(`${this.mounts} mounts were left at ${this.mountpoint}`);
    for (let tries = 0; this.mounts > 0 && tries < 10; tries += 1)
      spawnSync('umount', ['-i', '-l', this.mountpoint]);
    // Never through a mount that is still there: that would be `rm -r` of dumps.
    if (this.mounts === 0) rmSync(this.directory, { recursive: true });
    if (faults.length > 0) throw new Error(faults.join('\n'));
  }
}

interface DaemonOptions {
  /** Beside the environment of the test. */
  readonly env?: NodeJS.ProcessEnv;
  /** That it inherits, from 3 on. */
  readonly descriptors?: readonly number[];
  readonly command?: string;
}

/** The program as a child process. */
export class Daemon {
  readonly child: ChildProcess;
  stderr = '';
  readonly #ended: Promise<Exit>;
  readonly #news = new EventEmitter();

  constructor(args: readonly string[], directory: string, options: DaemonOptions = {}) {
    const { descriptors = [], command = process.execPath } = options;
    const runtime = { RUNTIME_DIRECTORY: join(directory, 'run') };
    const env: NodeJS.ProcessEnv = { ...process.env, ...runtime, ...options.env };
    delete env['JOURNAL_STREAM'];
    this.child = spawn(command, args, {
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    });
    if (SMALL_GROUP !== undefined) writeFileSync(join(SMALL_GROUP, 'cgroup.procs'), String(this.child.pid));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      this.#news.emit('news');
    });
    this.#ended = once(this.child, 'close').then(([status, signal]) => (status ?? signal) as Exit);
    void this.#ended.then(() => this.#news.emit('news'));
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get log(): readonly LogLine[] {
    return this.#lines().flatMap(({ parsed }) => parsed ?? []);
  }

  logged(message: string): LogLine | undefined {
    return this.log.find((line) => line.message === message);
  }

  /** Waits until a line with this message is logged. */
  async said(message: string): Promise<LogLine> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const line = this.logged(message);
      if (line !== undefined) return line;
      if (!this.running) throw new Error(`ended without saying "${message}":\n${this.stderr}`);
      await once(this.#news, 'news', { signal }).catch(() => {
        throw new Error(`did not say "${message}" within ${PATIENCE_MS} ms:\n${this.stderr}`);
      });
    }
  }

  /** Exit status, or the signal that ended it. */
  async exit(): Promise<Exit> {
    const exit = await Promise.race([this.#ended, sleep(PATIENCE_MS, undefined, { ref: false })]);
    if (exit === undefined) throw new Error(`did not end within ${PATIENCE_MS} ms:\n${this.stderr}`);
    return exit;
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.child.kill(signal);
    return this.exit();
  }

  /** @returns what was wrong with the way it ended */
  async stopOrKill(): Promise<string[]> {
    try {
      const exit = await this.stop();
      return exit === 0 ? [] : [`SIGTERM ended the daemon with ${exit}:\n${this.stderr}`];
    } catch (error) {
      this.child.kill('SIGKILL');
      await this.#ended;
      return [String(error)];
    }
  }

  /** Errors in the log, and what is no log line: stack traces, warnings of the runtime. */
  strayOutput(expected: readonly RegExp[]): string[] {
    return this.#lines()
      .filter(({ text, parsed }) => text !== '' && (parsed === undefined || parsed.level === 'error'))
      .filter(({ text }) => !expected.some((pattern) => pattern.test(text)))
      .map(({ text }) => `stray output: ${text}`);
  }

  #lines(): { readonly text: string; readonly parsed: LogLine | undefined }[] {
    return this.stderr.split('\n').map((text) => ({ text, parsed: parsedLine(text) }));
  }
}

function parsedLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

/** Polls what nothing announces: kernel caches, directory listings. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() >= deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(20);
  }
}
