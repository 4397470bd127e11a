import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogFields, Logger } from '../../src/base/log.js';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import type { Dump, DumpStore } from '../../src/dump/index.js';
import { Removal } from '../../src/fs/removal.js';
import { MIN_SLOTS } from '../../src/memory/index.js';
import type { LibrtasPort, PaprDevice } from '../../src/rtas/index.js';
import { librtasDriver } from '../../src/source/librtas/librtas-cursor.js';
import { paprDriver } from '../../src/source/papr/papr-cursor.js';
import type { DumpDriver } from '../../src/source/index.js';
import { Bare, errnoOf, sampleBytes } from './bare.js';
import { Reading, TransferBench } from './transfer-bench.js';

const CHUNK = 4096;
const CALLS = 49;
/** Of every dump of the matrix. */
const BYTES = sampleBytes(CALLS * CHUNK, 3);
/** What a reader asks for at once. */
const READ_BYTES = 32 * 1024;

/** Which call is disturbed: a byte offset, or the one that makes firmware forget the dump. */
export const PLACES = {
  'first call': 0,
  'middle call': 24 * CHUNK,
  'last call': (CALLS - 1) * CHUNK,
  invalidation: 'invalidate',
} as const;
export type PlaceName = keyof typeof PLACES;

/** A fault: an RTAS status, a librtas code, or the name of an errno. */
export type FaultName = number | string;

export interface Cell {
  readonly fault: FaultName;
  readonly place: PlaceName;
  /** How often in a row. */
  readonly times: number;
}

export interface SaidLine {
  readonly message: string;
  readonly fields: LogFields;
}

/** A dump with a fault, as users and firmware see it. */
export interface FaultyDump {
  readonly tag: DumpTag;
  /** Reads on from the beginning, as cat does. @returns `whole`, or the errno */
  read(): Promise<string>;
  /** @returns `done`, or the errno */
  remove(): Promise<string>;
  readonly isInvalidated: boolean;
  /** What was logged of it, as warning or error. */
  readonly said: readonly SaidLine[];
}

/** Something that serves dumps out of firmware with faults. The first of its dumps has none. */
export interface FaultWorld extends AsyncDisposable {
  readonly bystander: FaultyDump;
  readonly dumps: readonly FaultyDump[];
}

const tagOf = (index: number): DumpTag => dumpTag(0x2_0000_0001n + BigInt(index));

class Said {
  readonly lines: SaidLine[] = [];
  readonly logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields = {}) => void this.lines.push({ message, fields }),
    error: (message, fields = {}) => void this.lines.push({ message, fields }),
  };

  of(tag: DumpTag): readonly SaidLine[] {
    return this.lines.filter(({ fields }) => fields['tag'] === tagName(tag));
  }
}

/** The filesystem on the simulated hypervisor: real threads, cache and spool. */
export function simWorld(
  cells: readonly Cell[],
  variant: { readonly discipline: 'papr' | 'librtas'; readonly spool: boolean },
): FaultWorld {
  const said = new Said();
  const bare = new Bare({ ...variant, storeLog: said.logger });
  const put = (index: number, faults: readonly object[]): FaultyDump => {
    const tag = tagOf(index);
    bare.put(tag, BYTES, { chunk: CHUNK, faults });
    return {
      tag,
      read: () => readThrough(bare, tag),
      remove: async () => (await errnoOf(() => bare.unlink(tag))) ?? 'done',
      get isInvalidated() {
        return existsSync(join(bare.dir, `${tagName(tag)}.invalidated`));
      },
      get said() {
        return said.of(tag);
      },
    };
  };
  return {
    bystander: put(0, []),
    dumps: cells.map(({ fault, place, times }, index) =>
      put(index + 1, [
        { at: PLACES[place], status: fault, times: Number.isFinite(times) ? times : 'always' },
      ]),
    ),
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
}

async function readThrough(bare: Bare, tag: DumpTag): Promise<string> {
  let whole: Buffer | undefined;
  const errno = await errnoOf(async () => {
    const fh = await bare.open(tag);
    try {
      whole = await bare.readAll(fh, READ_BYTES);
    } finally {
      bare.fs.release(fh);
    }
  });
  return errno ?? (whole?.equals(BYTES) === true ? 'whole' : 'wrong bytes');
}

/** Transfers and removal over a real driver, whose device or library is told what to answer. No threads. */
export function driverWorld(cells: readonly Cell[], interfaceName: 'papr' | 'librtas'): FaultWorld {
  const said = new Said();
  const firmware = new FaultyFirmware();
  const isPapr = interfaceName === 'papr';
  const driver = isPapr ? paprDriver(firmware.device()) : librtasDriver(firmware.library());
  const put = (index: number, cell: Cell | undefined): FaultyDump => {
    const tag = tagOf(index);
    firmware.put(tag, cell);
    return driverDump(tag, { driver, isPapr, firmware, said });
  };
  return {
    bystander: put(0, undefined),
    dumps: cells.map((cell, index) => put(index + 1, cell)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface DriverParts {
  readonly driver: DumpDriver;
  readonly isPapr: boolean;
  readonly firmware: FaultyFirmware;
  readonly said: Said;
}

function driverDump(tag: DumpTag, { driver, isPapr, firmware, said }: DriverParts): FaultyDump {
  const bench = new TransferBench({ resumable: !isPapr, slots: MIN_SLOTS, driver, log: said.logger });
  const dump = bench.dump(tag, { bytes: BYTES, chunk: () => CHUNK });
  const store: Pick<DumpStore, 'remove' | 'hide'> = {
    remove: (each: Dump, isForced: boolean) => each.invalidate(isForced),
    hide: () => undefined,
  };
  const removal = new Removal(store as DumpStore, 'delivered', said.logger);
  return {
    tag,
    read: async () => {
      // A minute later, so that another fresh pass is worth its calls.
      bench.nowMs += 61_000;
      for (let at = 0; at < BYTES.length; at += READ_BYTES) {
        const reading = new Reading(dump, at, READ_BYTES, BYTES.length);
        await bench.run();
        if (reading.bytes === undefined) return reading.errno ?? 'no answer';
        if (!reading.bytes.equals(BYTES.subarray(at, at + READ_BYTES))) return 'wrong bytes';
      }
      return 'whole';
    },
    remove: async () => {
      const errno = errnoOf(() => removal.unlink(dump, new AbortController().signal));
      await bench.run();
      return (await errno) ?? 'done';
    },
    get isInvalidated() {
      return firmware.isInvalidated(tag);
    },
    get said() {
      return said.of(tag);
    },
  };
}

interface FirmwareDump {
  readonly cell: Cell | undefined;
  uses: number;
  isInvalidated: boolean;
}

/** What stands below a driver. Sequences are offsets and one. */
class FaultyFirmware {
  readonly #dumps = new Map<bigint, FirmwareDump>();

  put(tag: DumpTag, cell: Cell | undefined): void {
    this.#dumps.set(tag, { cell, uses: 0, isInvalidated: false });
  }

  isInvalidated(tag: DumpTag): boolean {
    return this.#of(tag).isInvalidated;
  }

  device(): PaprDevice {
    const handles = new Map<number, { readonly tag: bigint; at: number; isOver: boolean }>();
    const handleOf = (handle: number): { readonly tag: bigint; at: number; isOver: boolean } => {
      const known = handles.get(handle);
      if (known === undefined) throw systemCallError('EBADF');
      return known;
    };
    let last = 0;
    return {
      createHandle: (tag) => {
        // That is the kernel's answer to an open, and to nothing else.
        if (this.#of(tag).cell?.fault === 'EALREADY') this.#throwFault(tag, 0);
        handles.set((last += 1), { tag, at: 0, isOver: false });
        return last;
      },
      read: (number, into) => {
        const handle = handleOf(number);
        if (handle.isOver) throw systemCallError('EINVAL');
        if (handle.at === BYTES.length) {
          handle.isOver = true;
          return 0;
        }
        try {
          this.#throwFault(handle.tag, handle.at);
        } catch (error) {
          // The chunk is lost: papr_platform_dump_read has moved the sequence on before it copies.
          if ((error as { code?: string }).code === 'EFAULT') handle.at += CHUNK;
          throw error;
        }
        into.set(BYTES.subarray(handle.at, handle.at + CHUNK));
        handle.at += CHUNK;
        return CHUNK;
      },
      invalidate: (number, tag) => {
        if (!handleOf(number).isOver) throw systemCallError('EINPROGRESS');
        this.#throwFault(tag, 'invalidate');
        this.#of(tag).isInvalidated = true;
      },
      close: (number) => void handles.delete(number),
    };
  }

  library(): LibrtasPort {
    return {
      platformDump: (tag, sequence, buffer) => {
        const at = sequence === 0n ? 0 : Number(sequence - 1n);
        const fault = this.#strike(tag, buffer === null ? 'invalidate' : at);
        if (fault !== undefined) return { status: Number(fault), nextSequence: 0n, bytesReturned: 0 };
        if (buffer === null) {
          this.#of(tag).isInvalidated = true;
          return { status: 0, nextSequence: 0n, bytesReturned: 0 };
        }
        buffer.set(BYTES.subarray(at, at + CHUNK));
        const isEnd = at + CHUNK === BYTES.length;
        return {
          status: isEnd ? 0 : 1,
          nextSequence: isEnd ? 0n : BigInt(at + CHUNK + 1),
          bytesReturned: CHUNK,
        };
      },
    };
  }

  #throwFault(tag: bigint, at: number | 'invalidate'): void {
    const fault = this.#strike(tag, at);
    if (fault !== undefined) throw systemCallError(String(fault));
  }

  #strike(tag: bigint, at: number | 'invalidate'): FaultName | undefined {
    const dump = this.#of(tag);
    if (dump.cell === undefined || PLACES[dump.cell.place] !== at || dump.uses >= dump.cell.times)
      return undefined;
    dump.uses += 1;
    return dump.cell.fault;
  }

  #of(tag: bigint): FirmwareDump {
    const dump = this.#dumps.get(tag);
    if (dump === undefined) throw new Error('no such dump in this firmware');
    return dump;
  }
}

function systemCallError(code: string): Error {
  return Object.assign(new Error(`${code}: as the matrix wants it`), { code });
}
