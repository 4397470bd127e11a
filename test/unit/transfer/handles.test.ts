import { describe, expect, test } from 'vitest';
import type { DumpTag } from '../../../src/base/tag.js';
import { dumpTag } from '../../../src/base/tag.js';
import type { HandleHolder } from '../../../src/transfer/handles.js';
import { Handles } from '../../../src/transfer/handles.js';
import type { EndedPass } from '../../../src/transfer/protocol.js';

class Holder implements HandleHolder {
  readonly tag: DumpTag;
  isAtRest = true;
  isInDemand = false;
  isUrgent = false;
  taken = 0;
  rooms = 0;

  constructor(tag: number) {
    this.tag = dumpTag(BigInt(tag));
  }

  giveUpPass(): readonly EndedPass[] {
    this.taken += 1;
    const standing = {
      offset: 0,
      state: { next: 0n, phase: 'reading' },
      carried: { from: 0, bytes: 0 },
      isHandedOver: false,
    } as const;
    const memory = new SharedArrayBuffer(1);
    return [{ tag: this.tag, detail: undefined, at: { standing }, bounce: memory, fingerprint: memory }];
  }

  onRoom(): void {
    this.rooms += 1;
  }
}

function holders(handles: Handles, count: number): Holder[] {
  const all = Array.from({ length: count }, (_, at) => new Holder(at + 1));
  for (const holder of all) expect(handles.admit(holder)).toEqual([]);
  return all;
}

describe('Handles.admit', () => {
  test('closes the pass used longest ago when there are too many', () => {
    const handles = new Handles(3);
    const [first, second, third] = holders(handles, 3) as [Holder, Holder, Holder];
    handles.touch(first);
    expect(handles.admit(new Holder(9))?.map(({ tag }) => tag)).toEqual([second.tag]);
    expect([first, second, third].map(({ taken }) => taken)).toEqual([0, 1, 0]);
  });

  test('admits the same holder again without further ado', () => {
    const handles = new Handles(1);
    const [only] = holders(handles, 1) as [Holder];
    expect(handles.admit(only)).toEqual([]);
    expect(only.taken).toBe(0);
  });

  test('spares those for whom a reader waits, but not from a first byte', () => {
    const handles = new Handles(2);
    const all = holders(handles, 2);
    for (const holder of all) holder.isInDemand = true;
    const late = new Holder(9);
    expect(handles.admit(late)).toBeUndefined();
    late.isUrgent = true;
    expect(handles.admit(late)).toHaveLength(1);
    expect(all.map(({ taken }) => taken)).toEqual([1, 0]);
  });

  test('keeps those waiting whose pass somebody else has not closed yet', async () => {
    const handles = new Handles(1);
    const [first] = holders(handles, 1) as [Holder];
    const second = new Holder(9);
    expect(handles.admit(second)).toHaveLength(1);
    expect(handles.admit(first)).toBeUndefined();
    handles.closed(second);
    await Promise.resolve();
    expect(first.rooms).toBe(1);
    expect(handles.admit(first)).toHaveLength(1);
  });

  test('keeps them waiting also where the pass was handed on before it was closed', () => {
    const handles = new Handles(1);
    const [first] = holders(handles, 1) as [Holder];
    const second = new Holder(8);
    handles.admit(second);
    second.giveUpPass = (): readonly EndedPass[] => [...Holder.prototype.giveUpPass.call(first)];
    const third = new Holder(9);
    handles.admit(third);
    handles.closed(second);
    expect(handles.admit(first)).toBeUndefined();
    handles.leave(third);
    expect(handles.admit(first)).toEqual([]);
  });

  test('closes the pass of an older incarnation of the tag, also where there is room', () => {
    const handles = new Handles(3);
    const [older] = holders(handles, 1) as [Holder];
    expect(handles.admit(new Holder(1))).toHaveLength(1);
    expect(older.taken).toBe(1);
  });

  test('waits while a hand works for the one that has to go, and hears of it once', async () => {
    const handles = new Handles(1);
    const [busy] = holders(handles, 1) as [Holder];
    busy.isAtRest = false;
    const waiting = [new Holder(1), new Holder(2)];
    for (const holder of waiting) expect(handles.admit(holder)).toBeUndefined();
    busy.isAtRest = true;
    handles.roomChanged();
    handles.leave(busy);
    await Promise.resolve();
    expect(waiting.map(({ rooms }) => rooms)).toEqual([1, 1]);
    expect(handles.admit(waiting[0]!)).toEqual([]);
  });
});
