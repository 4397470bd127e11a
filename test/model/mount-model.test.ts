import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Disturbance, MountStep } from '../support/mount-play.js';
import { MountPlay, SLOTS } from '../support/mount-play.js';
import { CELLS, Mounted } from '../support/mounted.js';

const MIB = 1024 * 1024;
/** More for whoever looks for trouble. */
const RUNS = Number(process.env['MOUNT_MODEL_RUNS'] ?? 4);

const slot = fc.nat(SLOTS - 1);
const position = fc.nat(3 * MIB);
const length = fc.oneof(fc.integer({ min: 1, max: MIB }), fc.constantFrom(4096, 131_072));

const side: fc.Arbitrary<Disturbance> = fc.record(
  {
    chunk: fc.oneof(fc.integer({ min: 500, max: 4096 }), fc.constant([1000, 4096] as const)),
    announcedSize: fc.constant(null),
    announced: fc.constant(false as const),
    faults: fc.array(
      fc.oneof(
        fc.record({ at: position, status: fc.constantFrom(-1, -2, 9900, 9901, 77) }),
        fc.record({ at: position, empty: fc.integer({ min: 1, max: 3 }) }),
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ['faults'] },
);

const size = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: 3 * MIB }),
  fc.constantFrom(4096, 65_536, 131_072, MIB),
);

function of<const Op extends string>(op: Op): fc.Arbitrary<{ readonly op: Op; readonly slot: number }> {
  return fc.record({ op: fc.constant(op), slot });
}

const step: fc.Arbitrary<MountStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('appear' as const), slot, size, side }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      slot,
      at: fc.array(position, { minLength: 1, maxLength: 4 }),
      length,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('mmap' as const), slot, at: position, length }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('kill' as const), slot, afterMs: fc.nat(20) }) },
  { weight: 4, arbitrary: of('cat') },
  { weight: 2, arbitrary: of('stat') },
  { weight: 2, arbitrary: of('hold') },
  { weight: 3, arbitrary: of('readHeld') },
  { weight: 1, arbitrary: of('letGo') },
  { weight: 1, arbitrary: of('vanish') },
  { weight: 4, arbitrary: of('rm') },
  { weight: 1, arbitrary: fc.constant({ op: 'lock' } as const) },
);

describe.each(CELLS)('model on a real mount, $transport, $discipline', (cell) => {
  test(
    'any order of appearing, reading, mapping, killing, removing and lockdown gives what the model says',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 20 }), async (steps) => {
          await using mounted = new Mounted(cell);
          using play = new MountPlay(mounted);
          await mounted.start(...play.options);
          for (const each of steps) await play.step(each);
          await play.finish();
          expect(mounted.daemon.running).toBe(true);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    30_000 * RUNS,
  );
});
