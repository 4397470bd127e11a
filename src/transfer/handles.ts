import type { DumpTag } from '../base/tag.js';
import type { EndedPass } from './protocol.js';

/** Who has a pass open. */
export interface HandleHolder {
  readonly tag: DumpTag;
  /** No hand works for it: its pass can be taken away. */
  readonly isAtRest: boolean;
  /** A reader waits, so that a pass that is taken away has to be made once more. */
  readonly isInDemand: boolean;
  readonly isUrgent: boolean;
  /** The pass is somebody else's to close. */
  giveUpPass(): readonly EndedPass[];
  /** There may be room now. */
  onRoom(): void;
}

/**
 * Passes that are open in firmware: so many at most, one for each tag, the one used longest ago closed first. Firmware and
 * kernel allow one handle per tag, also of two incarnations, and about 64 per machine.
 */
export class Handles {
  readonly #most: number;
  /** The one used longest ago comes first. */
  readonly #holders = new Set<HandleHolder>();
  readonly #waiting = new Set<HandleHolder>();
  /** Tags whose pass was taken away, and who is to close it: until then firmware says that it is held. */
  readonly #owed = new Map<DumpTag, HandleHolder>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Makes room for a pass of `holder`, who counts as having one from now on.
   *
   * @returns passes to be closed before it is opened; undefined: no room yet, `onRoom` is called when there may be
   */
  admit(holder: HandleHolder): readonly EndedPass[] | undefined {
    const closer = this.#owed.get(holder.tag);
    if (closer !== undefined && closer !== holder) {
      this.#waiting.add(holder);
      return undefined;
    }
    const ended: EndedPass[] = [];
    for (const other of this.#holders) {
      if (other === holder || other.tag !== holder.tag) continue;
      if (!other.isAtRest) {
        this.#waiting.add(holder);
        return undefined;
      }
      ended.push(...this.#take(other));
    }
    if (!this.#holders.has(holder) && this.#holders.size >= this.#most) {
      const victim = this.#victimFor(holder);
      if (victim === undefined) {
        this.#waiting.add(holder);
        return undefined;
      }
      ended.push(...this.#take(victim));
    }
    for (const { tag } of ended) this.#owed.set(tag, holder);
    this.touch(holder);
    return ended;
  }

  /** The holder uses its pass. */
  touch(holder: HandleHolder): void {
    this.#holders.delete(holder);
    this.#holders.add(holder);
  }

  /** The passes that `admit` gave to the holder are closed. */
  closed(holder: HandleHolder): void {
    for (const [tag, closer] of this.#owed) {
      if (closer !== holder) continue;
      this.#owed.delete(tag);
      this.roomChanged();
    }
  }

  /** The holder's pass is closed, and all that it was to close. */
  leave(holder: HandleHolder): void {
    this.closed(holder);
    this.#waiting.delete(holder);
    if (this.#holders.delete(holder)) this.roomChanged();
  }

  /** A holder came to rest, or has left. */
  roomChanged(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    queueMicrotask(() => {
      for (const holder of waiting) holder.onRoom();
    });
  }

  /** Who is in demand would only begin again: it gives way to nobody but a first byte. */
  #victimFor(holder: HandleHolder): HandleHolder | undefined {
    const atRest = [...this.#holders].filter(({ isAtRest }) => isAtRest);
    return atRest.find(({ isInDemand }) => !isInDemand) ?? (holder.isUrgent ? atRest[0] : undefined);
  }

  #take(victim: HandleHolder): readonly EndedPass[] {
    this.#holders.delete(victim);
    return victim.giveUpPass();
  }
}
