import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { PATIENCE_MS } from './patience.js';

/** One request per line, one answer per line: a value, or the name of an errno. */
const SCRIPT = `
import base64, ctypes, errno, json, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
fd = -1
mapping = None
def resident(length):
    address = libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    pages = (ctypes.c_ubyte * -(-length // mmap.PAGESIZE))()
    if libc.mincore(address, length, pages) != 0: raise OSError(ctypes.get_errno(), 'mincore')
    libc.munmap(address, length)
    return sum(page & 1 for page in pages)
def do(op, args):
    global fd, mapping
    if op == 'open': fd = os.open(args[0], os.O_RDONLY)
    elif op == 'pread': return base64.b64encode(os.pread(fd, args[1], args[0])).decode()
    elif op == 'forget': os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    elif op == 'size': return os.fstat(fd).st_size
    elif op == 'ino': return os.fstat(fd).st_ino
    elif op == 'map': mapping = mmap.mmap(fd, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    elif op == 'map-private': mapping = mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    elif op == 'resident': return resident(args[0])
    elif op == 'peek': return mapping[args[0]]
    elif op == 'close': os.close(fd)
for line in sys.stdin:
    op, *args = json.loads(line)
    try: answer = {'value': do(op, args)}
    except OSError as error: answer = {'errno': errno.errorcode[error.errno]}
    print(json.dumps(answer), flush=True)
`;

interface Answer {
  readonly value?: unknown;
  readonly errno?: string;
}

/**
 * A process that holds a file open and does with it what it is told. Calls answer with an errno name where the system
 * call failed.
 */
export class FileUser implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  readonly #exit: Promise<unknown[]>;

  constructor() {
    this.#child = spawn('python3', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#exit = once(this.#child, 'close');
  }

  static async of(path: string): Promise<FileUser> {
    const user = new FileUser();
    const failed = await user.errno('open', path);
    if (failed === undefined) return user;
    await user[Symbol.asyncDispose]();
    throw new Error(`open of ${path} failed: ${failed}`);
  }

  /** Bytes, or the name of an errno. */
  async pread(offset: number, length: number): Promise<Buffer | string> {
    const { value, errno } = await this.#ask('pread', offset, length);
    return errno ?? Buffer.from(String(value), 'base64');
  }

  /** SHA-256 of what `pread` gives. */
  async hash(offset: number, length: number): Promise<string> {
    const bytes = await this.pread(offset, length);
    return typeof bytes === 'string' ? bytes : createHash('sha256').update(bytes).digest('hex');
  }

  /** Drops cached pages of the file, where they are not mapped. */
  async forget(): Promise<void> {
    await this.#ask('forget');
  }

  async number(op: 'size' | 'ino'): Promise<number | string> {
    const { value, errno } = await this.#ask(op);
    return errno ?? Number(value);
  }

  /** Pages of the first `length` bytes that the kernel has cached, as mincore(2) tells; asks the file system nothing. */
  async resident(length: number): Promise<number | string> {
    const { value, errno } = await this.#ask('resident', length);
    return errno ?? Number(value);
  }

  /** Undefined: it went well. */
  async errno(
    op: 'open' | 'map' | 'map-private' | 'close',
    ...args: readonly unknown[]
  ): Promise<string | undefined> {
    return (await this.#ask(op, ...args)).errno;
  }

  /** The byte at `offset` of the mapping, or the signal that ended the process. */
  async peek(offset: number): Promise<number | NodeJS.Signals> {
    const answer = await this.#ask('peek', offset);
    if (answer.value !== undefined) return Number(answer.value);
    const ended = (await this.#exit) as [status: number | null, signal: NodeJS.Signals];
    return ended[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** No answer at all: the process is gone. */
  async #ask(op: string, ...args: readonly unknown[]): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify([op, ...args])}\n`);
    const limit = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`${op} took longer than ${PATIENCE_MS} ms`)), PATIENCE_MS).unref();
    });
    const next = (await Promise.race([this.#answers.next(), limit])) as IteratorResult<string, undefined>;
    return next.done === true ? {} : (JSON.parse(next.value) as Answer);
  }
}
