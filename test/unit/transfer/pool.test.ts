import { beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../../src/base/log.js';
import type { Hand, HandLife } from '../../../src/transfer/hand.js';
import type { HandUser } from '../../../src/transfer/pool.js';
import { LOOK_MS, Pool } from '../../../src/transfer/pool.js';
import { Control, NO_PASS } from '../../../src/transfer/protocol.js';

class FakeHand implements Hand {
  readonly control = new Control();
  readonly life: HandLife;
  holds = NO_PASS;
  hasEnded = false;

  constructor(life: HandLife) {
    this.life = life;
  }

  use(): void {
    // Nobody listens.
  }

  send(): void {
    // Nothing is done.
  }

  end(): Promise<void> {
    this.hasEnded = true;
    return Promise.resolve();
  }
}

class User implements HandUser {
  isUrgent = false;
  hand: Hand | undefined;
  readonly asked: boolean[] = [];
  refused = '';

  onHand(hand: Hand): void {
    this.hand = hand;
  }

  onAskedBack(now: boolean): void {
    this.asked.push(now);
  }

  onNoHand(error: Error): void {
    this.refused = error.message;
  }
}

let hands: FakeHand[];
let warnings: string[];
let nowMs: number;
let failure: Error | undefined;
let isWanted: boolean;

beforeEach(() => {
  hands = [];
  warnings = [];
  nowMs = 0;
  failure = undefined;
});

const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => void warnings.push(message),
  error: () => undefined,
};

function poolOf(atWork: number, most: number): Pool {
  const start = (life: HandLife): Hand => {
    if (failure !== undefined) throw failure;
    const hand = new FakeHand(life);
    hands.push(hand);
    return hand;
  };
  return new Pool({ atWork, most }, start, log, () => nowMs);
}

function ready(): void {
  for (const { life } of hands) life.onReady();
}

function users(pool: Pool, count: number): User[] {
  const all = Array.from({ length: count }, () => new User());
  for (const user of all) pool.request(user);
  return all;
}

/** Time passes; the hands whose numbers are given get on with their calls. */
function look(pool: Pool, working: readonly number[] = []): void {
  nowMs += LOOK_MS;
  for (const at of working) hands[at]?.control.countCall();
  pool.look();
  ready();
}

describe('Pool', () => {
  test('one hand serves one user after the other', () => {
    const pool = poolOf(4, 8);
    pool.getReady();
    ready();
    for (let round = 0; round < 3; round += 1) {
      const [user] = users(pool, 1);
      expect(user!.hand).toBe(hands[0]);
      pool.release(hands[0]!);
    }
    expect(hands).toHaveLength(1);
  });

  test('as many as may work side by side are started while somebody waits, and no more while they get on', () => {
    const pool = poolOf(2, 8);
    users(pool, 5);
    ready();
    for (let looks = 0; looks < 5; looks += 1) look(pool, [0, 1]);
    expect(hands).toHaveLength(2);
  });

  test('hands that are stuck in a call are replaced, up to the limit', () => {
    const pool = poolOf(2, 4);
    const all = users(pool, 6);
    ready();
    for (let looks = 0; looks < 10; looks += 1) look(pool);
    expect(hands).toHaveLength(4);
    expect(all.map(({ hand }) => hand !== undefined)).toEqual([true, true, true, true, false, false]);
    for (const hand of hands) pool.release(hand);
    expect(all.every(({ hand }) => hand !== undefined)).toBe(true);
    // Those beyond what works side by side end when nobody needs them.
    for (const hand of hands) pool.release(hand);
    expect(hands.filter(({ hasEnded }) => hasEnded)).toHaveLength(2);
  });

  test('who waits for a first byte comes first, and takes a hand from one who does not', () => {
    const pool = poolOf(1, 1);
    const [holder, patient] = users(pool, 2) as [User, User];
    ready();
    expect(holder.asked).toEqual([]);
    const hasty = new User();
    hasty.isUrgent = true;
    pool.request(hasty);
    expect(holder.asked).toEqual([true]);
    pool.release(hands[0]!);
    expect([hasty.hand, patient.hand]).toEqual([hands[0], undefined]);
  });

  test('nobody who waits for a first byte is asked', () => {
    const pool = poolOf(1, 1);
    const [holder, hasty] = [new User(), new User()];
    for (const user of [holder, hasty]) {
      user.isUrgent = true;
      pool.request(user);
    }
    ready();
    expect(holder.asked).toEqual([]);
  });

  test('a hand that somebody has had for a while is asked back for those who wait', () => {
    const pool = poolOf(1, 1);
    const [holder, waiting] = users(pool, 2) as [User, User];
    ready();
    look(pool, [0]);
    expect(holder.asked).toEqual([false]);
    pool.release(hands[0]!);
    expect(waiting.hand).toBe(hands[0]);
  });

  test('whoever does not wait any more gets none', () => {
    const pool = poolOf(1, 1);
    const [, waiting] = users(pool, 2) as [User, User];
    ready();
    pool.withdraw(waiting);
    pool.release(hands[0]!);
    expect(waiting.hand).toBeUndefined();
  });

  test('a thread that cannot be started is said once; those there are go on, and another try follows', () => {
    const pool = poolOf(2, 4);
    const [first, second] = users(pool, 2) as [User, User];
    ready();
    expect(first.hand).toBe(hands[0]);
    failure = new Error('EAGAIN');
    for (let looks = 0; looks < 300; looks += 1) look(pool, [0]);
    expect(warnings).toHaveLength(1);
    expect(second.refused).toBe('');
    failure = undefined;
    for (let looks = 0; looks < 150; looks += 1) look(pool, [0]);
    expect(second.hand).toBe(hands[1]);
  });

  test('at rest all hands are asked back, and nobody gets one until it goes on', async () => {
    const pool = poolOf(2, 4);
    const [first, second] = users(pool, 2) as [User, User];
    ready();
    const resting = pool.rest(4000, () => true);
    expect([first.asked, second.asked]).toEqual([[true], []]);
    pool.release(hands[0]!);
    expect(await resting).toBe(true);
    look(pool, [0]);
    expect(second.hand).toBeUndefined();
    pool.goOn();
    expect(second.hand).toBe(hands[0]);
  });

  test('a hand that was being started is given to nobody at rest', async () => {
    const pool = poolOf(1, 1);
    const [user] = users(pool, 1) as [User];
    expect(await pool.rest(4000, () => true)).toBe(true);
    ready();
    expect(user.hand).toBeUndefined();
    pool.goOn();
    expect(user.hand).toBe(hands[0]);
  });

  test.each<{ what: string; change: () => void }>([
    { what: 'a call does not come back', change: () => (nowMs = 4000) },
    { what: 'it is not wanted any more', change: () => (isWanted = false) },
  ])('it comes to no rest where $what', async ({ change }) => {
    const pool = poolOf(1, 1);
    users(pool, 1);
    ready();
    isWanted = true;
    const resting = pool.rest(4000, () => isWanted);
    nowMs = 3999;
    change();
    expect(await resting).toBe(false);
  });

  test('without any thread, those who wait are told why', () => {
    failure = new Error('EMFILE');
    const pool = poolOf(2, 4);
    const [user] = users(pool, 1) as [User];
    expect(user.refused).toBe('EMFILE');
    expect(pool.waiting).toBe(0);
  });

  test('a thread that dies while it starts counts as not started', () => {
    const pool = poolOf(2, 4);
    const [user] = users(pool, 1) as [User];
    hands[0]!.life.onGone(new Error('out of memory'));
    expect(user.refused).toBe('out of memory');
    expect(warnings).toHaveLength(1);
  });

  test('end waits for all hands, and gives none away any more', async () => {
    const pool = poolOf(2, 4);
    users(pool, 1);
    ready();
    await pool.end();
    expect(hands.every(({ hasEnded }) => hasEnded)).toBe(true);
    const [late] = users(pool, 1) as [User];
    expect(late.hand).toBeUndefined();
  });
});
