import { expect } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import { BLOCK_BYTES, slotViews } from '../../../../src/dump/arena.js';
import type { Block } from '../../../../src/dump/block-cache.js';
import { BlockCache, BlockOwner } from '../../../../src/dump/block-cache.js';
import { Flight } from '../../../../src/dump/flight.js';
import type { PumpCommand, PumpEvent } from '../../../../src/dump/pump-protocol.js';
import { Control } from '../../../../src/dump/pump-protocol.js';
import { PumpStream } from '../../../../src/dump/pump-stream.js';
import { BEGINNING } from '../../../../src/source/index.js';
import type { ScriptedDump } from './scripted-dump.js';

const SLOTS = 24;

/** A flight on one side and a pump stream on the other, with a queue of commands between them as threads have. */
export class FlightScene {
  readonly cache = new BlockCache(SLOTS * BLOCK_BYTES);
  readonly owner = new BlockOwner();
  readonly flight = new Flight(this.cache);
  readonly control = new Control();
  readonly dump: ScriptedDump;
  end: number | undefined;
  readonly #stream: PumpStream;
  readonly #queue: PumpCommand[] = [];
  readonly #kept: Block[] = [];
  #landings = 0;

  constructor(dump: ScriptedDump) {
    this.dump = dump;
    this.#stream = new PumpStream(dump, slotViews(this.cache.arena.slabs), this.control, (event) => {
      this.#onEvent(event);
    });
    this.restart();
  }

  /** A new pass from the beginning, unless an older one is still to come back. */
  restart(): void {
    if (this.flight.isTurning || this.#queue.some(({ op }) => op === 'open')) return;
    this.flight.restart(0, this.control.nextEpoch());
    this.#queue.push({ op: 'open', tag: dumpTag(1n), resume: BEGINNING, offset: 0, detail: undefined });
  }

  /** Gives the pass up, as when the dump is lost. */
  abandon(): void {
    this.flight.abandon(this.control.nextEpoch());
  }

  /** Plans the next batch. `keepBlocks` says of which blocks the bytes are wanted. */
  feed(stopIn: number, keepBlocks: (index: number) => boolean): void {
    if (!this.flight.hasRoom || this.flight.isTurning || this.end === this.flight.planned) return;
    const allocate = (index: number): Block | undefined =>
      keepBlocks(index) && !this.owner.blocks.has(index) && this.cache.available > 0
        ? this.cache.allocate(this.owner, index)
        : undefined;
    this.#queue.push(this.flight.next(this.flight.planned + stopIn, allocate));
    this.check();
  }

  /** The thread carries out its next command. False: there is none. */
  run(): boolean {
    const command = this.#queue.shift();
    if (command !== undefined) this.#stream.carryOut(command);
    this.check();
    return command !== undefined;
  }

  /** Takes note of how far the thread is by now. */
  absorb(): void {
    if (this.flight.absorbed !== undefined && this.#queue[0]?.op !== 'open')
      this.flight.absorb(this.control.position);
    this.check();
  }

  releaseKept(): void {
    for (const block of this.#kept.splice(0)) this.cache.unpin(block);
  }

  /** What readers rely on: every byte that a listed block claims to have is the dump's. */
  check(): void {
    for (const [index, block] of this.owner.blocks) {
      const offset = index * BLOCK_BYTES;
      const claimed = this.cache.arena.view(block.slot).subarray(0, block.filled);
      const truth = this.dump.content.subarray(offset, offset + block.filled);
      expect(Buffer.from(claimed).equals(truth), `block ${index} up to ${block.filled}`).toBe(true);
    }
  }

  #onEvent(event: PumpEvent): void {
    if (event.op === 'end') {
      this.end = event.position;
      if (this.flight.absorbed !== undefined) this.flight.absorb(event.position);
    }
    if (event.op === 'failed' && this.flight.absorbed !== undefined) {
      this.flight.absorb(event.position);
      this.flight.abandonRest(this.control.nextEpoch());
    }
    if (event.op === 'filled') this.flight.land(event.position, this.end, (block) => this.#keep(block));
  }

  /** Every third whole block is in somebody's window. */
  #keep(block: Block): boolean {
    this.#landings += 1;
    if (this.#landings % 3 > 0) return false;
    this.#kept.push(block);
    return true;
  }
}
