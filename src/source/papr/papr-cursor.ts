import { constants } from 'node:os';
import type { DumpTag } from '../../base/tag.js';
import { tagName } from '../../base/tag.js';
import { PAPR_READ_BYTES } from '../../rtas/index.js';
import type { SystemCallError } from '../../base/libc.js';
import type { PaprDevice } from '../../rtas/index.js';
import { SourceError } from '../source-error.js';
import type { SourceErrorKind } from '../source-error.js';
import type { CursorStep, DumpCursor, DumpDriver, PassState } from '../source.js';
import { BEGINNING } from '../source.js';

const NOTHING_YET: CursorStep = { bytes: 0, done: false };
const END: CursorStep = { bytes: 0, done: true };

type Action = 'open' | 'read' | 'invalidate';

/** What an errno of the device says about the dump. Any other one is a fault of the interface. */
const KIND_OF: Readonly<Record<Action, ReadonlyMap<string, SourceErrorKind>>> = {
  open: new Map([['EALREADY', 'held']]),
  read: new Map([
    ['EIO', 'firmware'],
    ['EPERM', 'not-authorized'],
    ['EFAULT', 'firmware'],
  ]),
  invalidate: new Map([
    ['EIO', 'firmware'],
    ['EPERM', 'not-authorized'],
    ['EINPROGRESS', 'unfinished'],
  ]),
};

/** Passes over dumps through `/dev/papr-platform-dump`, or through anything that behaves like it. */
export function paprDriver(device: PaprDevice): DumpDriver {
  return {
    open(tag, from) {
      if (from !== BEGINNING)
        throw new SourceError({ kind: 'interface', message: 'the device reads from the beginning only' });
      const handle = attempt(tag, 'open', () => device.createHandle(tag));
      return new PaprCursor(device, tag, { handle, next: BEGINNING, phase: 'reading' });
    },
    carryOn: (tag, state) => new PaprCursor(device, tag, state),
  };
}

/**
 * One handle of the device, from creation to close.
 *
 * A read of 0 bytes ends the dump or means "continue with 0 bytes"; only the read after it tells them apart, since
 * it fails with EINVAL after the end. So the end is known one read late, and INVALIDATE is never tried to find out.
 * Except for EFAULT, a failed read leaves the position where it was.
 */
class PaprCursor implements DumpCursor {
  readonly #device: PaprDevice;
  readonly #tag: DumpTag;
  #handle: number | undefined;
  #phase: PassState['phase'];

  constructor(device: PaprDevice, tag: DumpTag, { handle, phase }: PassState) {
    this.#device = device;
    this.#tag = tag;
    this.#handle = handle;
    this.#phase = phase;
  }

  get state(): PassState {
    return { handle: this.#handle, next: BEGINNING, phase: this.#phase };
  }

  read(into: Uint8Array): CursorStep {
    if (this.#phase === 'ended') return END;
    const handle = this.#usable();
    let bytes: number;
    try {
      bytes = this.#device.read(handle, into);
    } catch (thrown) {
      return this.#afterFailedRead(thrown);
    }
    this.#phase = bytes === 0 ? 'perhaps-ended' : 'reading';
    if (bytes === 0) return NOTHING_YET;
    if (bytes > into.length || bytes > PAPR_READ_BYTES) throw this.#overrun(bytes, into.length);
    return { bytes, done: false };
  }

  invalidate(): void {
    const handle = this.#usable();
    if (this.#phase !== 'ended')
      throw new SourceError({
        kind: 'unfinished',
        message: `dump ${tagName(this.#tag)} was not read to its end`,
      });
    attempt(this.#tag, 'invalidate', () => this.#device.invalidate(handle, this.#tag));
  }

  close(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined) this.#device.close(handle);
  }

  #afterFailedRead(thrown: unknown): CursorStep {
    const code = codeOf(thrown);
    if (code === 'EINVAL' && this.#phase === 'perhaps-ended') {
      this.#phase = 'ended';
      return END;
    }
    // EFAULT: firmware's sequence has moved on and the chunk is lost for this handle. Going on would leave a gap.
    this.#phase = code === 'EFAULT' ? 'broken' : 'reading';
    throw failure(this.#tag, 'read', thrown);
  }

  #overrun(bytes: number, length: number): SourceError {
    this.#phase = 'broken';
    return new SourceError({
      kind: 'interface',
      message: `the device claims ${bytes} bytes in a buffer of ${Math.min(length, PAPR_READ_BYTES)}`,
    });
  }

  #usable(): number {
    if (this.#handle === undefined)
      throw new SourceError({ kind: 'interface', message: 'the cursor is closed' });
    if (this.#phase === 'broken')
      throw new SourceError({
        kind: 'firmware',
        message: 'a chunk was lost, the dump has to be read afresh',
      });
    return this.#handle;
  }
}

function attempt<T>(tag: DumpTag, action: Action, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    throw failure(tag, action, thrown);
  }
}

function failure(tag: DumpTag, action: Action, thrown: unknown): SourceError {
  if (thrown instanceof SourceError) return thrown;
  const code = codeOf(thrown);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new SourceError({
    kind: KIND_OF[action].get(code) ?? 'interface',
    message: `cannot ${action} dump ${tagName(tag)}: ${reason}`,
    status: errnoValue(code),
  });
}

/** Negative errno for the log line, absent for what is not one. */
function errnoValue(code: string): number | undefined {
  const value = (constants.errno as Partial<Record<string, number>>)[code];
  return value === undefined ? undefined : -value;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error ? ((thrown as Partial<SystemCallError>).code ?? '') : '';
}
