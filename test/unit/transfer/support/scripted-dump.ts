import { SourceError } from '../../../../src/source/index.js';
import type {
  CursorStep,
  DumpCursor,
  DumpDriver,
  PassState,
  ResumePoint,
} from '../../../../src/source/index.js';
import { BEGINNING } from '../../../../src/source/index.js';

export interface DumpPlan {
  readonly sizeBytes: number;
  /** Bytes per call, over and over; 0: firmware "continues with 0 bytes". Not all of them 0. */
  readonly chunks: readonly number[];
  /** True: "complete" comes with the last bytes; false: in a call of its own. */
  readonly endsWithBytes: boolean;
  /** Which calls fail, counted from 0. */
  readonly failures?: readonly number[];
  readonly resumable?: boolean;
}

/** A firmware call as it was answered. */
export interface Call {
  readonly from: number;
  readonly bytes: number;
  readonly roomBytes: number;
  readonly failed: boolean;
  /** What a later pass could start with, where the plan is resumable. */
  readonly resume: ResumePoint | undefined;
}

/** A dump whose firmware follows a plan. Everything that was asked of it is written down. */
export class ScriptedDump implements DumpDriver {
  readonly content: Uint8Array;
  readonly calls: Call[] = [];
  /** `open`, `close`, `invalidate`, in order. */
  readonly actions: string[] = [];
  /** Buffers that were handed in, as they are now. */
  readonly buffers = new Set<Uint8Array>();
  /** Called at the beginning of each firmware call. */
  onCall: (offset: number) => void = () => undefined;
  openFailure: Error | undefined;
  invalidateFailure: Error | undefined;
  readonly #plan: DumpPlan;

  constructor(plan: DumpPlan) {
    this.#plan = plan;
    this.content = patternOf(plan.sizeBytes);
  }

  open(_tag: bigint, from: ResumePoint): DumpCursor {
    if (this.openFailure !== undefined) throw this.openFailure;
    this.actions.push('open');
    return this.#cursorAt(this.offsetOf(from));
  }

  carryOn(_tag: bigint, state: PassState): DumpCursor {
    return this.#cursorAt(Number(state.next));
  }

  #cursorAt(from: number): DumpCursor {
    let offset = from;
    return {
      get state() {
        return { next: BigInt(offset), phase: 'reading' as const };
      },
      read: (into) => {
        const step = this.#answer(offset, into);
        offset += step.bytes;
        return step;
      },
      invalidate: () => {
        if (this.invalidateFailure !== undefined) throw this.invalidateFailure;
        this.actions.push('invalidate');
      },
      close: () => void this.actions.push('close'),
    };
  }

  /** Offset that a resume point stands for. Opaque to the code under test. */
  offsetOf(resume: ResumePoint): number {
    return resume === BEGINNING ? 0 : Number((resume ^ SALT) >> 8n);
  }

  #answer(from: number, into: Uint8Array): CursorStep {
    this.onCall(from);
    this.buffers.add(into);
    const { sizeBytes, chunks, endsWithBytes, failures = [], resumable = false } = this.#plan;
    const chunk = chunks[this.calls.length % chunks.length] ?? 0;
    const bytes = Math.min(chunk, into.length, sizeBytes - from);
    const failed = failures.includes(this.calls.length);
    const done = from + bytes === sizeBytes && (endsWithBytes || from === sizeBytes);
    const resume = resumable && !done ? (BigInt(from + bytes) << 8n) ^ SALT : undefined;
    this.calls.push({ from, bytes, roomBytes: into.length, failed, resume: failed ? undefined : resume });
    if (failed) throw new SourceError({ kind: 'firmware', message: 'hardware error', status: -1 });
    into.set(this.content.subarray(from, from + bytes));
    return { bytes, done, ...(resume === undefined ? {} : { resume }) };
  }
}

const SALT = 0xa5a5_0000_0000_005an;
const LONGEST = 8 * 64 * 1024;
let pattern: Uint8Array | undefined;

/** No byte 0, no period: bytes in the wrong place, or missing, cannot look right. */
function patternOf(length: number): Uint8Array {
  if (pattern === undefined) {
    pattern = new Uint8Array(LONGEST);
    let state = 0x2545_f491;
    for (let at = 0; at < LONGEST; at += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      pattern[at] = 1 + ((state >>> 8) % 255);
    }
  }
  return pattern.subarray(0, length);
}
