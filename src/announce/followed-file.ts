import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

/** Takes the bytes of one file in order. `isPast`: they stood there before following began. */
export type TakeBytes = (chunk: Uint8Array, isPast: boolean) => void;

const CHUNK_BYTES = 64 * 1024;

/** So many bytes before the place up to which a file was read tell whether it is still the same text. */
const MARK_BYTES = 64;

/**
 * A file that grows, and may be truncated or overwritten. Bytes are handed on once; what replaces them is read from
 * the start, by a new taker.
 */
export class FollowedFile {
  readonly #handle: FileHandle;
  readonly #identity: string;
  readonly #makeTaker: () => TakeBytes;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #take: TakeBytes;
  #offset = 0;
  /** The last bytes before `#offset`. */
  #mark = Buffer.alloc(0);
  #lastChange = '';
  /** Offset up to which the bytes are old. */
  #pastEnd: number;

  private constructor(
    handle: FileHandle,
    stats: BigIntStats,
    options: { makeTaker: () => TakeBytes; hasPast: boolean },
  ) {
    this.#handle = handle;
    this.#identity = identityOf(stats);
    this.#makeTaker = options.makeTaker;
    this.#take = options.makeTaker();
    this.#pastEnd = options.hasPast ? Number(stats.size) : 0;
  }

  /**
   * @param hasPast what the file holds now is old
   * @throws Error with the `code` of open(2), or when it is no regular file
   */
  static async open(path: string, makeTaker: () => TakeBytes, hasPast: boolean): Promise<FollowedFile> {
    // Not to be held up by a FIFO that nobody writes to.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) throw new Error('not a regular file');
      return new FollowedFile(handle, stats, { makeTaker, hasPast });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  isAt(stats: BigIntStats): boolean {
    return identityOf(stats) === this.#identity;
  }

  /** Bytes handed on so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Hands on what is new. @returns whether there was anything */
  async drain(signal: AbortSignal): Promise<boolean> {
    const stats = await this.#handle.stat({ bigint: true });
    const change = `${stats.size} ${stats.mtimeNs}`;
    if (change === this.#lastChange) return false;
    const size = Number(stats.size);
    if (size < this.#offset || !(await this.#isUnchanged())) this.#startOver(size);
    let isNews = false;
    while (!signal.aborted && (await this.#takeChunk())) isNews = true;
    // What is written from now on changes the file again.
    this.#lastChange = change;
    return isNews;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #takeChunk(): Promise<boolean> {
    const { bytesRead } = await this.#handle.read(this.#chunk, 0, CHUNK_BYTES, this.#offset);
    if (bytesRead === 0) return false;
    const chunk = this.#chunk.subarray(0, bytesRead);
    this.#take(chunk, this.#offset < this.#pastEnd);
    this.#offset += bytesRead;
    this.#mark = Buffer.from(Buffer.concat([this.#mark, chunk.subarray(-MARK_BYTES)]).subarray(-MARK_BYTES));
    return true;
  }

  /** False: what was read is not in the file any more. Its head may change: rtas_errd writes a line over it. */
  async #isUnchanged(): Promise<boolean> {
    const { length } = this.#mark;
    const now = Buffer.alloc(length);
    const { bytesRead } = await this.#handle.read(now, 0, length, this.#offset - length);
    return bytesRead === length && now.equals(this.#mark);
  }

  #startOver(size: number): void {
    this.#take = this.#makeTaker();
    this.#offset = 0;
    this.#mark = Buffer.alloc(0);
    // Some of it may have been there before: nothing tells which.
    this.#pastEnd = size;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
