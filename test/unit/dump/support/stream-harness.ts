import { expect } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import { BLOCK_BYTES, NO_SLOT, slotViews } from '../../../../src/dump/arena.js';
import type { PumpCommand, PumpEvent } from '../../../../src/dump/pump-protocol.js';
import { Control } from '../../../../src/dump/pump-protocol.js';
import { PumpStream } from '../../../../src/dump/pump-stream.js';
import type { StartPoint } from '../../../../src/dump/sequence-index.js';
import { START } from '../../../../src/dump/sequence-index.js';
import type { Call, ScriptedDump } from './scripted-dump.js';

const SLOTS = 8;

export interface FillPlan {
  /** A block each: kept in a slot, or read past. */
  readonly keep: readonly boolean[];
  /** Bytes from the current position after which the fill may stop. */
  readonly stopIn?: number;
}

export interface FillResult {
  readonly start: number;
  /** Where its blocks end. */
  readonly end: number;
  readonly stopAt: number;
  /** As the final `filled` says. */
  readonly position: number;
  readonly points: readonly StartPoint[];
  /** All events but the final `filled`. */
  readonly events: readonly PumpEvent[];
  readonly calls: readonly Call[];
}

/** A pump stream on this thread, and an image of what the arena has to look like. */
export class StreamHarness {
  readonly control = new Control();
  readonly dump: ScriptedDump;
  position = 0;
  readonly #arena = new SharedArrayBuffer(SLOTS * BLOCK_BYTES);
  readonly #image = Buffer.alloc(SLOTS * BLOCK_BYTES);
  readonly #slotOf = new Map<number, number>();
  readonly #stream: PumpStream;
  #events: PumpEvent[] = [];
  #epoch = this.control.epoch;

  constructor(dump: ScriptedDump) {
    this.dump = dump;
    this.#stream = new PumpStream(dump, slotViews([this.#arena]), this.control, (event) =>
      this.#events.push(event),
    );
  }

  send(command: PumpCommand): readonly PumpEvent[] {
    this.#events = [];
    this.#stream.carryOut(command);
    return this.#events;
  }

  open(from: StartPoint = START): readonly PumpEvent[] {
    this.position = from.offset;
    this.nextEpoch();
    return this.send({
      op: 'open',
      tag: dumpTag(1n),
      resume: from.resume,
      offset: from.offset,
      detail: undefined,
    });
  }

  nextEpoch(): void {
    this.#epoch = this.control.nextEpoch();
  }

  /** Fills from the current position on. Fails unless exactly the kept bytes arrived in exactly their slots. */
  fill({ keep, stopIn = Infinity }: FillPlan, epoch = this.#epoch): FillResult {
    const start = this.position;
    const firstBlock = Math.floor(start / BLOCK_BYTES);
    const slots = this.#slotsFor(firstBlock, keep);
    const callsBefore = this.dump.calls.length;
    const stopAt = start + stopIn;
    const events = this.send({ op: 'fill', epoch, firstBlock, slots, stopAt });
    const filled = events.at(-1);
    if (filled?.op !== 'filled') throw new Error(`a fill ended with ${JSON.stringify(filled)}`);
    this.position = filled.position;
    expect(this.control.position, 'control.position').toBe(filled.position);
    this.#expectPlaced(start, firstBlock, slots);
    return {
      start,
      end: (firstBlock + keep.length) * BLOCK_BYTES,
      stopAt,
      position: filled.position,
      points: filled.points,
      events: events.slice(0, -1),
      calls: this.dump.calls.slice(callsBefore),
    };
  }

  #expectPlaced(start: number, firstBlock: number, slots: readonly number[]): void {
    slots.forEach((slot, at) => {
      const offset = (firstBlock + at) * BLOCK_BYTES;
      const from = Math.max(start, offset);
      const to = Math.min(this.position, offset + BLOCK_BYTES);
      if (slot !== NO_SLOT && to > from)
        this.#image.set(this.dump.content.subarray(from, to), slot * BLOCK_BYTES + from - offset);
    });
    expect(this.#image.equals(new Uint8Array(this.#arena)), 'the arena holds what it should').toBe(true);
  }

  #slotsFor(firstBlock: number, keep: readonly boolean[]): number[] {
    for (const block of this.#slotOf.keys())
      if (block < firstBlock || block >= firstBlock + keep.length) this.#slotOf.delete(block);
    return keep.map((kept, at) => (kept ? this.#slotOfBlock(firstBlock + at) : NO_SLOT));
  }

  #slotOfBlock(block: number): number {
    const taken = new Set(this.#slotOf.values());
    const free = Array.from({ length: SLOTS }, (_, at) => (block * 3 + at) % SLOTS);
    const slot = this.#slotOf.get(block) ?? free.find((each) => !taken.has(each)) ?? NO_SLOT;
    this.#slotOf.set(block, slot);
    return slot;
  }
}
