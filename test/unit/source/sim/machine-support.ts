import { dumpTag } from '../../../../src/base/tag.js';
import type { DumpTag } from '../../../../src/base/tag.js';
import type {
  ContentSpec,
  Discipline,
  DumpFacts,
  MachineSpec,
  SideFile,
} from '../../../../src/source/sim/index.js';
import {
  NO_SIDE_FILE,
  SimFirmware,
  createDumpFacts,
  createMachineMemory,
} from '../../../../src/source/sim/index.js';
import { readGenerated } from '../../../../src/source/sim/index.js';

export const TAG = dumpTag(0x0000_0002_8000_0001n);
export const OTHER_TAG = dumpTag(0xffff_ffff_ffff_ffffn);

function machine(options: Partial<MachineSpec> = {}): MachineSpec {
  const channel = `test-${Math.random()}`;
  return { memory: createMachineMemory(), discipline: 'papr', latencyUs: 0, channel, ...options };
}

export interface PresentOptions {
  readonly discipline?: Discipline;
  readonly tag?: DumpTag;
  readonly content?: ContentSpec | null;
  readonly side?: Partial<SideFile>;
}

/** One generated dump of `size` bytes in a machine of its own. */
export function firmwareWith(
  size: number,
  options: PresentOptions = {},
): { firmware: SimFirmware; facts: DumpFacts; spec: MachineSpec } {
  const spec = machine({ discipline: options.discipline ?? 'papr' });
  const side = { ...NO_SIDE_FILE, ...options.side };
  const content = options.content === undefined ? ({ kind: 'generated', size } as const) : options.content;
  const facts = createDumpFacts(options.tag ?? TAG, content, { side });
  const firmware = new SimFirmware(spec);
  firmware.present(facts);
  return { firmware, facts, spec };
}

export function generated(size: number, tag = TAG): Buffer {
  const bytes = Buffer.alloc(size);
  readGenerated(tag, size, 0, bytes);
  return bytes;
}

export interface Pass {
  readonly bytes: Buffer;
  /** Status and byte count of each call. */
  readonly answers: readonly (readonly [status: number, bytes: number])[];
  readonly sequences: readonly bigint[];
}

/** Calls firmware until it says anything but "continue". */
export function transfer(firmware: SimFirmware, tag = TAG, length = 4096): Pass {
  const chunks: Buffer[] = [];
  const answers: [number, number][] = [];
  const sequences: bigint[] = [];
  for (let sequence = 0n; ;) {
    const buffer = Buffer.alloc(length);
    const answer = firmware.call(tag, sequence, buffer);
    chunks.push(buffer.subarray(0, answer.bytesReturned));
    answers.push([answer.status, answer.bytesReturned]);
    if (answer.status !== 1) return { bytes: Buffer.concat(chunks), answers, sequences };
    sequence = answer.nextSequence;
    sequences.push(sequence);
  }
}
