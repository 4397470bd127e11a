import type { SourceErrorData } from './source-error.js';
import { SourceError } from './source-error.js';
import type { CursorStep, DumpCursor, DumpDriver } from './source.js';

/*
 * How often firmware was called, how long that took, and how it ended: for metrics. Each thread that makes calls has cells
 * of its own, so nobody waits for anybody; whoever wants the sums adds them up.
 */

const FIRMWARE_OPERATIONS = ['read', 'invalidate'] as const;
export type FirmwareOperation = (typeof FIRMWARE_OPERATIONS)[number];

/** Closed: labels of a metric are never made of what firmware says. */
const FIRMWARE_RESULTS = [
  'continue',
  'complete',
  'hardware_error',
  'not_authorized',
  'held',
  'unfinished',
  'gone',
  'failed',
] as const;
export type FirmwareResult = (typeof FIRMWARE_RESULTS)[number];

const RESULT_OF_ERROR: Record<SourceErrorData['kind'], FirmwareResult> = {
  firmware: 'hardware_error',
  'not-authorized': 'not_authorized',
  held: 'held',
  unfinished: 'unfinished',
  gone: 'gone',
  replaced: 'failed',
  interface: 'failed',
};

export interface FirmwareCount {
  readonly operation: FirmwareOperation;
  readonly result: FirmwareResult;
  readonly calls: number;
  readonly seconds: number;
}

/** Per operation and result: calls, milliseconds. The last cell: bytes. */
const PAIRS = FIRMWARE_OPERATIONS.length * FIRMWARE_RESULTS.length;
const CELLS = 2 * PAIRS + 1;

/** What one thread counts. It alone writes here. */
export class FirmwareCells {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Float64Array;

  /** @param buffer the one of the other side; absent: this side makes it */
  constructor(buffer = new SharedArrayBuffer(CELLS * Float64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#cells = new Float64Array(buffer);
  }

  add(operation: FirmwareOperation, result: FirmwareResult, ms: number, bytes: number): void {
    const at = 2 * pairAt(operation, result);
    this.#cells[at] = this.#at(at) + 1;
    this.#cells[at + 1] = this.#at(at + 1) + ms;
    this.#cells[CELLS - 1] = this.#at(CELLS - 1) + bytes;
  }

  callsOf(operation: FirmwareOperation, result: FirmwareResult): number {
    return this.#at(2 * pairAt(operation, result));
  }

  msOf(operation: FirmwareOperation, result: FirmwareResult): number {
    return this.#at(2 * pairAt(operation, result) + 1);
  }

  get bytes(): number {
    return this.#at(CELLS - 1);
  }

  #at(index: number): number {
    return this.#cells[index] ?? 0;
  }
}

function pairAt(operation: FirmwareOperation, result: FirmwareResult): number {
  return FIRMWARE_OPERATIONS.indexOf(operation) * FIRMWARE_RESULTS.length + FIRMWARE_RESULTS.indexOf(result);
}

/** The cells of all threads. Those of a thread that has ended count on, and go to the next one. */
export class FirmwareTally {
  readonly #all: FirmwareCells[] = [];
  readonly #free: FirmwareCells[] = [];

  /** For a new thread. */
  take(): FirmwareCells {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const cells = new FirmwareCells();
    this.#all.push(cells);
    return cells;
  }

  /** The thread has ended. */
  giveBack(cells: FirmwareCells): void {
    this.#free.push(cells);
  }

  /** Bytes that firmware has handed over. */
  get bytes(): number {
    return sum(this.#all.map(({ bytes }) => bytes));
  }

  /** All pairs, those that never happened too. */
  counts(): readonly FirmwareCount[] {
    return FIRMWARE_OPERATIONS.flatMap((operation) =>
      FIRMWARE_RESULTS.map((result) => ({
        operation,
        result,
        calls: sum(this.#all.map((cells) => cells.callsOf(operation, result))),
        seconds: sum(this.#all.map((cells) => cells.msOf(operation, result))) / 1000,
      })),
    );
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A driver whose cursors count their calls. */
export function countedDriver(driver: DumpDriver, cells: FirmwareCells): DumpDriver {
  return {
    trace: driver.trace,
    open: (...args) => new CountedCursor(driver.open(...args), cells),
    carryOn: (...args) => new CountedCursor(driver.carryOn(...args), cells),
  };
}

class CountedCursor implements DumpCursor {
  readonly #cursor: DumpCursor;
  readonly #cells: FirmwareCells;

  constructor(cursor: DumpCursor, cells: FirmwareCells) {
    this.#cursor = cursor;
    this.#cells = cells;
  }

  get state(): DumpCursor['state'] {
    return this.#cursor.state;
  }

  read(into: Uint8Array): CursorStep {
    const begun = performance.now();
    try {
      const step = this.#cursor.read(into);
      this.#cells.add('read', step.done ? 'complete' : 'continue', performance.now() - begun, step.bytes);
      return step;
    } catch (thrown) {
      this.#failed('read', thrown, begun);
      throw thrown;
    }
  }

  invalidate(): void {
    const begun = performance.now();
    try {
      this.#cursor.invalidate();
      this.#cells.add('invalidate', 'complete', performance.now() - begun, 0);
    } catch (thrown) {
      this.#failed('invalidate', thrown, begun);
      throw thrown;
    }
  }

  close(): void {
    this.#cursor.close();
  }

  leave(): void {
    this.#cursor.leave?.();
  }

  #failed(operation: FirmwareOperation, thrown: unknown, begun: number): void {
    const { kind } = SourceError.from(thrown).data;
    this.#cells.add(operation, RESULT_OF_ERROR[kind], performance.now() - begun, 0);
  }
}
