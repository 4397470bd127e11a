import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canMountByHelper } from '../../src/fuse/kernel/fusermount.js';
import { Daemon, PROGRAM } from './mounted.js';
import { PATIENCE_MS } from './patience.js';

const NOBODY = 65534;

// A FUSE device that everybody may open, as udev makes it: not every machine has udev.
const PREPARE = `mount -t tmpfs none "$0" && mknod -m 666 "$0/fuse" c 10 229 && mount --bind "$0/fuse" /dev/fuse &&
  setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups "$1" "$2" --version && exec sleep 600`;

/** How a command ended, and what it said. */
export interface ToolRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What keeps a test from mounting as a user other than root; undefined: nothing. */
export function whyNoUser(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can become somebody else';
  for (const program of ['unshare', 'nsenter', 'setpriv', 'fusermount3'])
    if (spawnSync(program, ['--version']).status !== 0) return `${program} is missing`;
  const can = canMountByHelper();
  return can.ok ? undefined : can.why;
}

/**
 * A mount namespace in which the user nobody mounts and reads, with directories of that user. Nothing of it outlives the
 * test: mounts go with the namespace.
 */
export class Unprivileged implements AsyncDisposable {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-user-')));
  readonly mountpoint = join(this.directory, 'mnt');
  readonly simDir = join(this.directory, 'dumps');
  readonly #keeper: ChildProcess;
  readonly #children: ChildProcess[] = [];

  private constructor() {
    chmodSync(this.directory, 0o755);
    mkdirSync(join(this.directory, 'device'));
    for (const name of ['mnt', 'dumps', 'run', 'cache']) {
      mkdirSync(join(this.directory, name), { mode: 0o700 });
      chownSync(join(this.directory, name), NOBODY, NOBODY);
    }
    const shell = ['sh', '-c', PREPARE, join(this.directory, 'device'), process.execPath, PROGRAM];
    this.#keeper = spawn('unshare', ['-m', '--propagation', 'private', ...shell], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** @throws Error with what went wrong: no device may be made here, or the program's files are root's alone */
  static async prepare(): Promise<Unprivileged> {
    const place = new Unprivileged();
    let complaint = '';
    place.#keeper.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const isReady = once(place.#keeper.stdout!, 'data').then(() => true);
    if (await Promise.race([isReady, once(place.#keeper, 'close').then(() => false)])) return place;
    await place[Symbol.asyncDispose]();
    throw new Error(complaint);
  }

  at(name: string): string {
    return join(this.mountpoint, name);
  }

  /** Words in front of a command that make it one of the user's, in the namespace. */
  get #prefix(): readonly string[] {
    const user = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    return ['nsenter', '-t', String(this.#keeper.pid), '-m', '--', ...user];
  }

  /** Starts the program as the user, and waits until it says that it is mounted. */
  async mount(...args: readonly string[]): Promise<Daemon> {
    const daemon = this.launch(...args);
    await daemon.said('mounted');
    return daemon;
  }

  launch(...args: readonly string[]): Daemon {
    const [nsenter = '', ...rest] = this.#prefix;
    const options = ['--source=sim', '--spool=none', '--log-format=json', `--sim-dir=${this.simDir}`];
    const command = [process.execPath, PROGRAM, 'mount', ...options, ...args, this.mountpoint];
    const daemon = new Daemon([...rest, ...command], this.directory, { command: nsenter });
    this.#children.push(daemon.child);
    return daemon;
  }

  /** Starts a command as the user. */
  start(...command: readonly string[]): ChildProcess {
    const [nsenter = '', ...rest] = this.#prefix;
    const child = spawn(nsenter, [...rest, ...command], { stdio: 'ignore', env: this.#env });
    this.#children.push(child);
    return child;
  }

  /** Runs a command as the user, or as root, to its end. */
  run(command: readonly string[], who: 'user' | 'root' = 'user'): ToolRun {
    const prefix = who === 'user' ? this.#prefix : this.#prefix.slice(0, 5);
    const [program = '', ...args] = [...prefix, ...command];
    const options = { encoding: 'utf8', env: this.#env, timeout: PATIENCE_MS } as const;
    return spawnSync(program, args, options);
  }

  /** Runs the program as the user, to its end. */
  platdumpfs(...args: readonly string[]): ToolRun {
    return this.run([process.execPath, PROGRAM, ...args]);
  }

  /** The line of the mount table for the mount point. */
  get mountLine(): string | undefined {
    const { stdout } = this.run(['cat', '/proc/mounts'], 'root');
    return stdout.split('\n').find((line) => line.split(' ')[1] === this.mountpoint);
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, LC_ALL: 'C', RUNTIME_DIRECTORY: join(this.directory, 'run') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children, this.#keeper]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.directory, { recursive: true });
  }
}
