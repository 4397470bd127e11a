import { describe, expect, test } from 'vitest';
import type { SpoolMove } from '../../../../src/memory/spool/spool-protocol.js';
import { runsOf } from '../../../../src/memory/spool/spool-runs.js';

const LENGTH = 64 * 1024;

function move(id: number, at: number, rest: Partial<SpoolMove> = {}): SpoolMove {
  return {
    op: 'store',
    id,
    dump: 5,
    slot: id,
    position: at * LENGTH,
    offset: at * LENGTH,
    length: LENGTH,
    ...rest,
  };
}

describe('runsOf', () => {
  test.each([
    { what: 'blocks one behind the other', moves: [move(1, 0), move(2, 1), move(3, 2)], runs: [[1, 2, 3]] },
    { what: 'a gap', moves: [move(1, 0), move(2, 2)], runs: [[1], [2]] },
    { what: 'backwards', moves: [move(1, 1), move(2, 0)], runs: [[1], [2]] },
    { what: 'the same block twice', moves: [move(1, 0), move(2, 0)], runs: [[1], [2]] },
    { what: 'another dump', moves: [move(1, 0), move(2, 1, { dump: 6 })], runs: [[1], [2]] },
    {
      what: 'another place in the file',
      moves: [move(1, 0), move(2, 1, { position: 7 * LENGTH })],
      runs: [[1], [2]],
    },
    { what: 'another way', moves: [move(1, 0), move(2, 1, { op: 'load' })], runs: [[1], [2]] },
    {
      what: 'a shorter block, with which a dump ends',
      moves: [move(1, 0, { length: 9 }), move(2, 1)],
      runs: [[1], [2]],
    },
    { what: 'nothing', moves: [], runs: [] },
  ])('keeps order and groups: $what', ({ moves, runs }) => {
    expect(runsOf(moves).map((run) => run.map(({ id }) => id))).toEqual(runs);
  });

  test('makes no run longer than 8 blocks', () => {
    const moves = Array.from({ length: 20 }, (_, at) => move(at, at));
    expect(runsOf(moves).map(({ length }) => length)).toEqual([8, 8, 4]);
  });
});
