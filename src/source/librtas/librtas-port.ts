import { loadKoffi } from '../../base/koffi.js';
import { RTAS_STATUS } from '../../rtas/index.js';
import type { LibrtasPort, PlatformDumpAnswer } from '../../rtas/index.js';
import { ProcessLock } from './process-lock.js';

type RtasPlatformDump = (
  tag: bigint,
  sequence: bigint,
  buffer: Uint8Array | null,
  length: number,
  nextSequence: BigUint64Array,
  bytesReturned: BigUint64Array,
) => number;

/** RTAS_TIMEOUT of librtas.h: firmware is still busy after as long as the library was told to wait. */
const TIMEOUT = -1007;

/** How long librtas waits by itself, in milliseconds: as little as it can be told. */
const LIBRARY_WAIT_MS = 1;

/** Longest pause between two calls while firmware is busy, in milliseconds: as the kernel does it for its own. */
const MAX_PAUSE_MS = 1000;

/**
 * `rtas_platform_dump()` of the installed librtas, by the raw system call and a mapping of `/dev/mem`.
 *
 * The library keeps account of its low memory without any lock between threads (syscall_rmo.c), hence one lock for all
 * of this process. It also sleeps for as long as firmware asks, up to 100 s at a time; it is told to give up instead,
 * so that one busy dump does not hold the lock, and the waiting is done here.
 */
export class InstalledLibrtas implements LibrtasPort {
  readonly #lock: ProcessLock;
  readonly #call: RtasPlatformDump;
  readonly #next = new BigUint64Array(1);
  readonly #bytes = new BigUint64Array(1);

  /**
   * @param path of the library
   * @param lockMemory of `ProcessLock`, the same in all threads
   * @throws Error when the library cannot be loaded
   */
  constructor(path: string, lockMemory: SharedArrayBuffer) {
    this.#lock = new ProcessLock(lockMemory);
    const library = loadKoffi().load(path);
    this.#call = library.func('rtas_platform_dump', 'int', [
      'uint64_t',
      'uint64_t',
      'void *',
      'size_t',
      'uint64_t *',
      'uint64_t *',
    ]) as RtasPlatformDump;
    const limitWait = library.func('rtas_delay_timeout', 'int', ['uint64_t']) as (ms: number) => number;
    // A failure here is the failure of every call, which says it better.
    this.#lock.exclusively(() => limitWait(LIBRARY_WAIT_MS));
  }

  platformDump(tag: bigint, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer {
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const answer = this.#lock.exclusively(() => this.#callOnce(tag, sequence, buffer));
      if (answer.status !== TIMEOUT) return answer;
      sleep(pauseMs);
    }
  }

  #callOnce(tag: bigint, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer {
    // The library writes the whole length asked for, whatever firmware returned: not into a block of the cache.
    const own = buffer === null ? null : new Uint8Array(buffer.length);
    const status = this.#call(tag, sequence, own, own?.length ?? 0, this.#next, this.#bytes);
    // Of a failed call the byte count is whatever lay there.
    const hasData = status === RTAS_STATUS.complete || status === RTAS_STATUS.continue;
    const bytesReturned = hasData && own !== null ? Number(this.#bytes[0]) : 0;
    if (own !== null && bytesReturned <= own.length) buffer?.set(own.subarray(0, bytesReturned));
    own?.fill(0);
    return { status, nextSequence: this.#next[0] ?? 0n, bytesReturned };
  }
}

const sleepWord = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function sleep(ms: number): void {
  Atomics.wait(sleepWord, 0, 0, ms);
}
