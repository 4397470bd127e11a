import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RTAS_STATUS } from '../../rtas/index.js';
import type { LibrtasPort, PlatformDumpAnswer } from '../../rtas/index.js';
import { SourceError } from '../source-error.js';
import { BEGINNING } from '../source.js';

const DIGEST_BYTES = 32;
const MARK_BYTES = 8 + DIGEST_BYTES;

/** How often, and after what pause in milliseconds, the true chunk is asked for again. */
const PAUSES_MS = [10, 100, 1000];

/** Memory in which all threads know the first chunk of one dump again: not by its bytes, which are secret. */
export function firstChunkMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MARK_BYTES);
}

/**
 * Notices when librtas has begun a transfer anew behind our back.
 *
 * After a busy answer the library passes the *returned* next sequence on. Firmware that leaves that word alone leaves the
 * kernel's zero there, and 0 begins the dump again: its first bytes would be taken for the next ones. So a chunk in the
 * middle that equals the first one is not believed, but asked for again.
 *
 * @param memory made by `firstChunkMemory`, one per dump
 */
export function guardedAgainstRestart(port: LibrtasPort, memory: SharedArrayBuffer): LibrtasPort {
  const first = new FirstChunk(memory);
  return {
    platformDump(tag, sequence, buffer) {
      const answer = port.platformDump(tag, sequence, buffer);
      if (buffer === null || !hasData(answer)) return answer;
      if (sequence === BEGINNING) {
        first.learn(buffer.subarray(0, answer.bytesReturned));
        return answer;
      }
      return first.equals(buffer.subarray(0, answer.bytesReturned))
        ? askAgain(() => port.platformDump(tag, sequence, buffer), buffer, first)
        : answer;
    },
  };
}

function askAgain(call: () => PlatformDumpAnswer, buffer: Uint8Array, first: FirstChunk): PlatformDumpAnswer {
  for (const pauseMs of PAUSES_MS) {
    Atomics.wait(pauseWord, 0, 0, pauseMs);
    const answer = call();
    if (!hasData(answer) || !first.equals(buffer.subarray(0, answer.bytesReturned))) return answer;
  }
  throw new SourceError({
    kind: 'firmware',
    message: 'librtas delivers the beginning of the dump again, as it does when firmware is busy',
  });
}

const pauseWord = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function hasData({ status, bytesReturned }: PlatformDumpAnswer): boolean {
  return (status === RTAS_STATUS.complete || status === RTAS_STATUS.continue) && bytesReturned > 0;
}

/** A chunk's length, checksum and digest. A length of 0: not known, or not fit to be recognised by. */
class FirstChunk {
  readonly #words: Uint32Array;
  readonly #digest: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Uint32Array(memory, 0, 2);
    this.#digest = new Uint8Array(memory, 8, DIGEST_BYTES);
  }

  learn(chunk: Uint8Array): void {
    // A dump that begins with a run of one byte may well repeat it.
    const isUniform = chunk.every((byte) => byte === chunk[0]);
    this.#digest.set(digestOf(chunk));
    this.#words[1] = crc32(chunk);
    this.#words[0] = isUniform ? 0 : chunk.length;
  }

  equals(chunk: Uint8Array): boolean {
    return (
      chunk.length === this.#words[0] &&
      crc32(chunk) === this.#words[1] &&
      digestOf(chunk).equals(this.#digest)
    );
  }
}

function digestOf(chunk: Uint8Array): Buffer {
  return createHash('sha256').update(chunk).digest();
}
