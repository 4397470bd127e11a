import type { ChildProcess, StdioOptions } from 'node:child_process';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, vi } from 'vitest';
import { canMountDirectly } from '../../src/fuse/kernel/can-mount.js';
import type { KernelCacheChange } from '../../src/fs/index.js';
import type { HeldOperation } from './memory-filesystem.mjs';
import { PATIENCE } from './patience.js';

const SERVER = fileURLToPath(new URL('../mount/kernel-server.mjs', import.meta.url));

export interface ServerStats {
  readonly calls: Readonly<Partial<Record<string, number>>>;
  readonly waiting: number;
  readonly openFiles: number;
  readonly lookups: number;
  readonly pinned: number;
  readonly delivered: readonly number[];
  /** FUSE devices that the process has open. */
  readonly devices: number;
}

interface Message {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: string;
  readonly event?: 'mounted' | 'failed' | 'ended';
  readonly message?: string;
}

/** For what has to happen by itself, sooner or later. */
/** A suite that needs real mounts: skipped, with the reason in its name, where they are not possible. */
export function describeMount(name: string, suite: () => void): void {
  const can = canMountDirectly();
  describe.skipIf(!can.ok)(can.ok ? name : `${name} (skipped: ${can.why})`, suite);
}

export interface ServerOptions {
  readonly mountpoint?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio?: StdioOptions;
  readonly kernelOptions?: readonly string[];
  /** A program, and its arguments, that starts the server. */
  readonly through?: readonly string[];
  /** The mounts at the mount point are somebody else's. */
  readonly keepMounts?: boolean;
}

/**
 * A memory filesystem that a child process serves: whoever used a mount in the process that serves it would wait for
 * himself. Disposing leaves neither the process nor the mount.
 */
export class KernelServerProcess implements AsyncDisposable {
  readonly mountpoint: string;
  readonly child: ChildProcess;
  readonly #folder: TemporaryMountpoint | undefined;
  readonly #keepMounts: boolean;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events: Message[] = [];
  #onEvent: (() => void) | undefined;
  #nextId = 1;

  private constructor(options: ServerOptions) {
    const { mountpoint, env, stdio, kernelOptions = [], through = [], keepMounts = false } = options;
    this.#folder = mountpoint === undefined ? new TemporaryMountpoint() : undefined;
    this.#keepMounts = keepMounts;
    this.mountpoint = mountpoint ?? this.#folder?.mountpoint ?? '';
    const [execPath, ...execArgv] = [...through, process.execPath];
    this.child = fork(SERVER, [this.mountpoint, 'error', ...kernelOptions], {
      execPath,
      execArgv,
      env: { ...process.env, ...env },
      ...(stdio === undefined ? {} : { stdio }),
    });
    this.child.on('message', (message: Message) => this.#receive(message));
  }

  /** @throws Error with the server's own words when it cannot mount */
  static async start(options: ServerOptions = {}): Promise<KernelServerProcess> {
    const server = KernelServerProcess.unmounted(options);
    const { event, message } = await server.nextEvent();
    if (event === 'mounted') return server;
    await server[Symbol.asyncDispose]();
    throw new Error(message ?? 'the server ended');
  }

  /** The same without waiting for the mount. */
  static unmounted(options: ServerOptions): KernelServerProcess {
    return new KernelServerProcess(options);
  }

  path(name: string): string {
    return join(this.mountpoint, name);
  }

  async nextEvent(): Promise<Message> {
    while (this.#events.length === 0) {
      await new Promise<void>((resolve) => (this.#onEvent = resolve));
    }
    return this.#events.shift() ?? {};
  }

  async command(command: string, values: object = {}): Promise<unknown> {
    const id = this.#nextId++;
    const answered = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    this.child.send({ id, command, ...values });
    const { value, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return value;
  }

  add(name: string, size: number): Promise<number> {
    return this.command('add', { name, size }) as Promise<number>;
  }

  hold(operation: HeldOperation, prefix?: string): Promise<unknown> {
    return this.command('hold', { operation, prefix });
  }

  emit(change: KernelCacheChange): Promise<unknown> {
    return this.command('emit', { change });
  }

  stats(): Promise<ServerStats> {
    return this.command('stats') as Promise<ServerStats>;
  }

  /** @returns exit status, or the signal that ended it */
  async exit(status: number): Promise<number | NodeJS.Signals | null> {
    return this.exitBy('exit', { status });
  }

  async exitBy(command: 'exit' | 'crash', values: object = {}): Promise<number | NodeJS.Signals | null> {
    const exited = once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    void this.command(command, values);
    const [code, signal] = await exited;
    return code ?? signal;
  }

  async untilWaiting(count = 1): Promise<void> {
    await vi.waitUntil(async () => (await this.stats()).waiting >= count, PATIENCE);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (!this.#keepMounts) detachAll(this.mountpoint);
    await this.#folder?.[Symbol.asyncDispose]();
  }

  #receive(message: Message): void {
    if (message.event === undefined) {
      this.#answers.get(message.id ?? 0)?.(message);
    } else {
      this.#events.push(message);
      this.#onEvent?.();
    }
  }
}

/** A directory to mount on, which goes with whatever is mounted there. */
export class TemporaryMountpoint implements AsyncDisposable {
  readonly mountpoint = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-mount-')));

  async [Symbol.asyncDispose](): Promise<void> {
    detachAll(this.mountpoint);
    await rmdir(this.mountpoint);
  }
}

export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** Mounts at this place, by the mount table. */
export function mountCount(mountpoint: string): number {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => line.split(' ')[4] === mountpoint).length;
}

function detachAll(mountpoint: string): void {
  while (mountCount(mountpoint) > 0) execFileSync('umount', ['-l', '--', mountpoint]);
}
