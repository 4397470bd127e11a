/** What another thread needs to look into the same memory. */
export interface SharedSlotsData {
  readonly memory: SharedArrayBuffer;
  readonly slots: number;
}

/** Who may read what: readers with this ticket, the first `end` bytes of what this owner has published. */
export interface Lease {
  readonly owner: number;
  readonly end: number;
}

const CLOSED = 0;
const LEASED = 1;
const HEADER_WORDS = 2;
/** Per entry: slot plus one (0: none), owner, index. */
const ENTRY_WORDS = 3;
/** Per lease: ticket (0: none), owner, low and high half of the end. */
const LEASE_WORDS = 4;
const LEASES = 1024;
const TWO_32 = 2 ** 32;

const WAIT_MS = 1;
/** A thread uses a slot for the time of one system call. One that does not come back is dead. */
const MOST_WAITS = 1000;

/**
 * Which slots of shared memory a second thread may read, and under which key it finds them. One thread, the keeper,
 * publishes and withdraws; the other takes slots and gives them back, without ever asking the keeper.
 *
 * Both sides look after they have said something, in the total order of atomic operations: the reader counts itself as a
 * user of the slot and then looks whether the entry still stands; the keeper clears the entry and then looks whether
 * there are users. So no slot is reused while somebody reads it.
 */
export class SharedSlots {
  readonly data: SharedSlotsData;
  readonly #header: Int32Array;
  readonly #users: Int32Array;
  /** 1: was read since the keeper last asked. */
  readonly #touched: Int32Array;
  readonly #leases: Int32Array;
  readonly #entries: Int32Array;
  readonly #mask: number;

  /** @param of the number of slots, for the keeper; the keeper's `data`, for the other thread */
  constructor(of: number | SharedSlotsData) {
    const slots = typeof of === 'number' ? of : of.slots;
    // Four times as many places as slots: few keys fall into one, and then the later one is found.
    const entries = 2 ** Math.ceil(Math.log2(4 * Math.max(1, slots)));
    const sizes = [HEADER_WORDS, slots, slots, LEASES * LEASE_WORDS, entries * ENTRY_WORDS] as const;
    const words = sizes.reduce((sum, size) => sum + size, 0);
    const memory =
      typeof of === 'number' ? new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT) : of.memory;
    let at = 0;
    const area = (length: number): Int32Array => {
      const view = new Int32Array(memory, at, length);
      at += view.byteLength;
      return view;
    };
    this.data = { memory, slots };
    this.#header = area(sizes[0]);
    this.#users = area(sizes[1]);
    this.#touched = area(sizes[2]);
    this.#leases = area(sizes[3]);
    this.#entries = area(sizes[4]);
    this.#mask = entries - 1;
  }

  // --- the keeper ---

  /** @param owner, index above 0 and from 0 on; what the slot holds does not change until it is withdrawn */
  publish(owner: number, index: number, slot: number): void {
    const at = this.#entryAt(owner, index);
    Atomics.store(this.#entries, at, 0);
    Atomics.store(this.#entries, at + 1, owner);
    Atomics.store(this.#entries, at + 2, index);
    Atomics.store(this.#entries, at, slot + 1);
  }

  /** When this returns nobody reads the slot, nor will. */
  withdraw(owner: number, index: number, slot: number): void {
    const at = this.#entryAt(owner, index);
    if (this.#isEntry(at, owner, index, slot)) Atomics.store(this.#entries, at, 0);
    this.#awaitUnused(slot);
  }

  /** @param ticket above 0, never given to another reader */
  grant(ticket: number, { owner, end }: Lease): void {
    const at = leaseAt(ticket);
    Atomics.store(this.#leases, at, 0);
    Atomics.store(this.#leases, at + 1, owner);
    Atomics.store(this.#leases, at + 2, (end % TWO_32) | 0);
    Atomics.store(this.#leases, at + 3, Math.floor(end / TWO_32));
    Atomics.store(this.#leases, at, ticket);
    Atomics.store(this.#header, LEASED, 1);
  }

  /** Whether the slot was read since this was asked last. */
  wasTouched(slot: number): boolean {
    return Atomics.exchange(this.#touched, slot, 0) !== 0;
  }

  /** For good: when this returns nobody reads any slot, nor will. */
  close(): void {
    Atomics.store(this.#header, CLOSED, 1);
    for (let slot = 0; slot < this.data.slots; slot += 1) this.#awaitUnused(slot);
  }

  // --- the other thread ---

  /** Some lease was granted. */
  get isLeased(): boolean {
    return Atomics.load(this.#header, LEASED) !== 0;
  }

  leaseOf(ticket: number): Lease | undefined {
    const at = leaseAt(ticket);
    if (Atomics.load(this.#leases, at) !== ticket) return undefined;
    const owner = Atomics.load(this.#leases, at + 1);
    const low = Atomics.load(this.#leases, at + 2) >>> 0;
    const end = Atomics.load(this.#leases, at + 3) * TWO_32 + low;
    // Overwritten meanwhile by that of another reader.
    return Atomics.load(this.#leases, at) === ticket ? { owner, end } : undefined;
  }

  /** The slot, until it is given back; undefined: ask the keeper. */
  take(owner: number, index: number): number | undefined {
    const at = this.#entryAt(owner, index);
    const slot = Atomics.load(this.#entries, at) - 1;
    if (slot < 0) return undefined;
    Atomics.add(this.#users, slot, 1);
    if (Atomics.load(this.#header, CLOSED) === 0 && this.#isEntry(at, owner, index, slot)) {
      Atomics.store(this.#touched, slot, 1);
      return slot;
    }
    this.giveBack(slot);
    return undefined;
  }

  giveBack(slot: number): void {
    Atomics.sub(this.#users, slot, 1);
  }

  /** The slot comes first: it is written last, so whoever sees it sees the rest of the same entry. */
  #isEntry(at: number, owner: number, index: number, slot: number): boolean {
    return (
      Atomics.load(this.#entries, at) === slot + 1 &&
      Atomics.load(this.#entries, at + 1) === owner &&
      Atomics.load(this.#entries, at + 2) === index
    );
  }

  #awaitUnused(slot: number): void {
    for (let waits = 0; waits < MOST_WAITS; waits += 1) {
      const users = Atomics.load(this.#users, slot);
      if (users === 0) return;
      Atomics.wait(this.#users, slot, users, WAIT_MS);
    }
  }

  #entryAt(owner: number, index: number): number {
    return ((Math.imul(owner, 0x9e37_79b1) + index) & this.#mask) * ENTRY_WORDS;
  }
}

function leaseAt(ticket: number): number {
  return (ticket % LEASES) * LEASE_WORDS;
}
