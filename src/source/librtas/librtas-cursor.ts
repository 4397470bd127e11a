import type { DumpTag } from '../../base/tag.js';
import { tagName } from '../../base/tag.js';
import { RTAS_STATUS, decodeStatus, librtasReason } from '../../rtas/index.js';
import type { LibrtasPort, PlatformDumpAnswer } from '../../rtas/index.js';
import { SourceError } from '../source-error.js';
import type { SourceErrorKind } from '../source-error.js';
import type { CursorStep, DumpCursor, DumpDriver, PassState, ResumePoint } from '../source.js';
import { BEGINNING } from '../source.js';

/** Buffer length that every known caller of `rtas_platform_dump()` has used; longer ones were never proven. */
const READ_BYTES = 4096;

/** RTAS_IO_ASSERT. "Finished" needs no buffer, so for that it is the system call that failed. */
const CALL_REFUSED = -1098;

type Action = 'read' | 'invalidate';

const END: CursorStep = { bytes: 0, done: true };

/** Passes over dumps through `rtas_platform_dump()`, or through anything that behaves like it. */
export function librtasDriver(port: LibrtasPort): DumpDriver {
  return {
    open: (tag, from) => new LibrtasCursor(port, tag, { next: from, phase: 'reading' }),
    carryOn: (tag, state) => new LibrtasCursor(port, tag, state),
  };
}

/** One pass by sequence numbers. Opening makes no call. A failed read leaves the position where it was. */
class LibrtasCursor implements DumpCursor {
  readonly #port: LibrtasPort;
  readonly #tag: DumpTag;
  #sequence: ResumePoint;
  #ended = false;

  constructor(port: LibrtasPort, tag: DumpTag, { next, phase }: PassState) {
    this.#port = port;
    this.#tag = tag;
    this.#sequence = next;
    this.#ended = phase === 'ended';
  }

  get state(): PassState {
    return { next: this.#sequence, phase: this.#ended ? 'ended' : 'reading' };
  }

  read(into: Uint8Array): CursorStep {
    if (this.#ended) return END;
    const room = into.length > READ_BYTES ? into.subarray(0, READ_BYTES) : into;
    const { status, nextSequence, bytesReturned: bytes } = this.#call('read', room);
    if (bytes > room.length)
      throw this.#failure(`firmware claims ${bytes} bytes in a buffer of ${room.length}`);
    if (status === RTAS_STATUS.complete) {
      this.#ended = true;
      return { bytes, done: true };
    }
    // Passing 0 on would begin the dump again and deliver its first bytes in the wrong place.
    if (nextSequence === BEGINNING)
      throw this.#failure('firmware says "continue" and names no next sequence');
    this.#sequence = nextSequence;
    return { bytes, done: false, resume: nextSequence };
  }

  invalidate(): void {
    const { status } = this.#call('invalidate', null);
    if (status !== RTAS_STATUS.complete)
      throw this.#failure(`firmware answers ${status} to "finished"`, status);
  }

  close(): void {
    // Firmware keeps no transfer open that would have to be closed.
  }

  /** @returns an answer whose status is "complete" or "continue" */
  #call(action: Action, buffer: Uint8Array | null): PlatformDumpAnswer {
    const answer = this.#port.platformDump(this.#tag, this.#sequence, buffer);
    const { status } = answer;
    const outcome = decodeStatus(status);
    if (outcome.kind === 'complete' || outcome.kind === 'more') return answer;
    const fault = outcome.kind === 'failed' ? outcome.reason : 'still busy, although librtas waits';
    const { kind, reason = fault } = explain(status, action, this.#sequence === BEGINNING);
    throw this.#failure(`cannot ${action} dump ${tagName(this.#tag)}: ${reason}`, status, kind);
  }

  #failure(message: string, status?: number, kind: SourceErrorKind = 'firmware'): SourceError {
    return new SourceError({ kind, message, status, sequence: `0x${this.#sequence.toString(16)}` });
  }
}

/** Where librtas says more than the status of the specification. */
function explain(
  status: number,
  action: Action,
  isStart: boolean,
): { kind: SourceErrorKind; reason?: string } {
  if (status === CALL_REFUSED && action === 'invalidate')
    return { kind: 'interface', reason: 'the kernel refuses the call, as Linux 5.10 to 5.18 do' };
  const reason = librtasReason(status);
  if (reason !== undefined) return { kind: 'interface', reason };
  if (status === RTAS_STATUS.notAuthorized) return { kind: 'not-authorized' };
  // A librtas that goes through the character device turns EALREADY into a parameter error.
  if (status === RTAS_STATUS.parameterError && isStart)
    return { kind: 'held', reason: 'another program has it open (status -3)' };
  return { kind: 'firmware' };
}
