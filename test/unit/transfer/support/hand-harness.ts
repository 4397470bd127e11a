import { expect } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import { BLOCK_BYTES, NO_SLOT, slotViews } from '../../../../src/memory/index.js';
import type { SourceErrorData } from '../../../../src/source/index.js';
import { fingerprintMemory } from '../../../../src/transfer/fingerprint.js';
import { Hand } from '../../../../src/transfer/pass.js';
import type { Command, HandEvent, PassWork, Standing } from '../../../../src/transfer/protocol.js';
import { portableSha256 } from '../../../../src/transfer/sha256.js';
import { Control } from '../../../../src/transfer/protocol.js';
import type { StartPoint } from '../../../../src/transfer/resume-points.js';
import { START } from '../../../../src/transfer/resume-points.js';
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
  /** How often the position that was asked for was told. */
  readonly progress: number;
  readonly isEnd: boolean;
  readonly error: SourceErrorData | undefined;
  readonly calls: readonly Call[];
}

/** A hand on this thread, or several that pass one pass on, and an image of what the arena has to look like. */
export class HandHarness {
  readonly control = new Control();
  readonly dump: ScriptedDump;
  readonly bounce = new SharedArrayBuffer(4096);
  readonly fingerprint = fingerprintMemory();
  position = 0;
  pass = 0;
  standing: Standing | undefined;
  /** After each fill another hand has the pass. */
  readonly #passesOn: boolean;
  readonly #arena = new SharedArrayBuffer(SLOTS * BLOCK_BYTES);
  readonly #image = Buffer.alloc(SLOTS * BLOCK_BYTES);
  readonly #slotOf = new Map<number, number>();
  #hand: Hand;
  #events: HandEvent[] = [];
  #at: PassWork['at'] = { begin: START };

  constructor(dump: ScriptedDump, passesOn = false) {
    this.dump = dump;
    this.#passesOn = passesOn;
    this.#hand = this.#newHand();
    this.open();
  }

  send(command: Command): readonly HandEvent[] {
    this.#events = [];
    this.#hand.carryOut(structuredClone(command));
    return this.#events;
  }

  /** A new pass: opened by its first command, which closes the last one. */
  open(from: StartPoint = START): void {
    if (this.standing !== undefined) this.close();
    this.position = from.offset;
    this.#at = { begin: from };
    this.renew();
  }

  close(): readonly HandEvent[] {
    const standing = this.standing;
    const ended = standing === undefined ? [] : [{ ...this.#work, at: { standing } }];
    this.standing = undefined;
    return this.send({ op: 'close', pass: 0, ended });
  }

  /** The same pass under another number, as after a failure. */
  renew(): void {
    this.pass += 1;
    this.control.want(this.pass);
    if (this.standing !== undefined) this.#at = { standing: this.standing };
  }

  invalidate(): readonly HandEvent[] {
    return this.send({ op: 'invalidate', pass: this.pass, work: this.#work, ended: [] });
  }

  /** Fills from the current position on. Fails unless exactly the kept bytes arrived in exactly their slots. */
  fill({ keep, stopIn = Infinity }: FillPlan): FillResult {
    if (this.#passesOn && this.standing !== undefined) {
      this.#hand = this.#newHand();
      this.renew();
    }
    const start = this.position;
    const firstBlock = Math.floor(start / BLOCK_BYTES);
    const slots = this.#slotsFor(firstBlock, keep);
    const callsBefore = this.dump.calls.length;
    const stopAt = start + stopIn;
    const { pass } = this;
    const events = this.send({ op: 'fill', pass, work: this.#work, ended: [], firstBlock, slots, stopAt });
    const filled = events.at(-1);
    if (filled?.op !== 'filled') throw new Error(`a fill ended with ${JSON.stringify(filled)}`);
    const { standing, points, isEnd, error } = filled;
    this.standing = standing;
    this.position = standing?.offset ?? start;
    if (standing !== undefined) expect(this.control.positionOf(pass), 'position').toBe(standing.offset);
    this.#expectPlaced(start, firstBlock, slots);
    return {
      start,
      end: (firstBlock + keep.length) * BLOCK_BYTES,
      stopAt,
      position: this.position,
      points,
      progress: events.filter(({ op }) => op === 'progress').length,
      isEnd,
      error,
      calls: this.dump.calls.slice(callsBefore),
    };
  }

  get #work(): PassWork {
    const { bounce, fingerprint } = this;
    return { tag: dumpTag(1n), detail: undefined, at: this.#at, bounce, fingerprint };
  }

  #newHand(): Hand {
    const emit = (event: HandEvent): void => void this.#events.push(event);
    return new Hand({
      driver: this.dump,
      views: slotViews([this.#arena]),
      control: this.control,
      emit,
      sha256: portableSha256,
    });
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
