import type { SpoolMove } from './spool-protocol.js';

/** Most blocks of a run: a reader waits for the first of them until all are there. */
export const MOST_BLOCKS = 8;

/** Groups moves, in their order, into runs of blocks that lie one behind the other in a dump and in its file, and go the same way. */
export function runsOf(moves: readonly SpoolMove[]): (readonly SpoolMove[])[] {
  const runs: SpoolMove[][] = [];
  for (const move of moves) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && run.length < MOST_BLOCKS && continues(last, move))
      run.push(move);
    else runs.push([move]);
  }
  return runs;
}

function continues(last: SpoolMove, next: SpoolMove): boolean {
  return (
    last.op === next.op &&
    last.dump === next.dump &&
    last.offset + last.length === next.offset &&
    last.position + last.length === next.position
  );
}
