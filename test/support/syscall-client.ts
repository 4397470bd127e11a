import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS } from './patience.js';

const SCRIPT = fileURLToPath(new URL('syscall-client.py', import.meta.url));

/** Bytes that a call brought. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

export interface Entry {
  readonly name: string;
  /** Where to go on behind it. */
  readonly offset: number;
  readonly ino: number;
}

/** As name_to_handle_at(2) gives it. */
export interface FileHandle {
  readonly type: number;
  readonly value: string;
}

/** Calls by name: what they take and what they give. */
export interface Calls {
  open: (path: string) => number;
  close: (fd: number) => null;
  /** Reads on until `length` bytes or the end of the file. */
  pread: (fd: number, offset: number, length: number) => Digest;
  cat: (path: string) => Digest;
  mmap: (path: string, offset: number, length: number) => Digest;
  stat: (path: string) => number;
  ls: (path: string) => string[];
  'ls -l': (path: string) => Record<string, number>;
  opendir: (path: string) => number;
  /** One getdents64(2) with room for `size` bytes. */
  'entries at': (fd: number, offset: number, size: number) => Entry[];
  'handle of': (path: string) => FileHandle;
  /** open_by_handle_at(2), through an open directory of the same mount. */
  'cat handle': (directory: number, handle: FileHandle) => Digest;
  df: (path: string) => number;
  rm: (path: string) => null;
  getxattr: (path: string, name: string) => string;
  pid: () => number;
}

export interface CallResult<T> {
  readonly value?: T;
  /** Name of the errno; absent on success. `killed`: the process ended before the call did. `hangs`: it goes on. */
  readonly errno?: string;
  /** Duration as the caller sees it, without the start of a process. */
  readonly ms: number;
}

type Settle = (result: CallResult<unknown>) => void;

/**
 * A process that makes system calls for the test, one after the other. The test itself must not touch a mount that its
 * own process might have to wait for.
 */
export class SyscallClient implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: Settle[] = [];

  constructor() {
    const child = spawn('python3', [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.#waiting.shift()?.(JSON.parse(line) as CallResult<unknown>),
    );
    child.stdin.on('error', () => undefined);
    child.once('close', () => {
      for (const settle of this.#waiting.splice(0)) settle({ errno: 'killed', ms: NaN });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  call<Name extends keyof Calls>(
    op: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<CallResult<ReturnType<Calls[Name]>>> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve({ errno: 'killed', ms: NaN });
        return;
      }
      const limit = setTimeout(() => resolve({ errno: 'hangs', ms: PATIENCE_MS }), PATIENCE_MS).unref();
      this.#waiting.push((result) => {
        clearTimeout(limit);
        resolve(result as CallResult<ReturnType<Calls[Name]>>);
      });
      this.#child.stdin.write(`${JSON.stringify({ op, args })}\n`);
    });
  }

  /** As `call`, for one that has to succeed. */
  async must<Name extends keyof Calls>(
    op: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    const { value, errno } = await this.call(op, ...args);
    if (errno !== undefined) throw new Error(`${op} ${JSON.stringify(args)} failed with ${errno}`);
    return value!;
  }

  /** Does not wait: a process that hangs in a call may go with the mount only. */
  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.unref();
  }
}
