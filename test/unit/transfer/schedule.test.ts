import { describe, expect, test } from 'vitest';
import { START } from '../../../src/transfer/resume-points.js';
import type { Situation, Step } from '../../../src/transfer/schedule.js';
import { nextStep } from '../../../src/transfer/schedule.js';

const AT_REST: Situation = {
  pass: 'none',
  mustComeBack: false,
  isBusy: false,
  hasRoom: true,
  planned: 0,
  freshFrom: 0,
  need: undefined,
  isComing: false,
  demandEnd: 0,
  spoolIsBehind: false,
  bestStart: START,
  wantsFreshPass: false,
  errand: 'none',
  removalNeeds: 'finished pass',
  isFresh: false,
  isStopped: false,
  hasEndedPass: false,
};

const MIDDLE = { offset: 500, resume: 7n };
/** A pass that stands at 1000; somebody wants what comes next. */
const GOING_ON: Partial<Situation> = {
  pass: 'open',
  planned: 1000,
  freshFrom: 1000,
  need: { kind: 'block', offset: 1000 },
  demandEnd: 2000,
};
const FINISHED: Partial<Situation> = { pass: 'finished', planned: 3000, freshFrom: 3000 };
const REST: Step = { do: 'rest' };
const FROM_START: Step = { do: 'open', from: START };

const ROWS: readonly (readonly [string, Partial<Situation>, Step])[] = [
  ['nobody wants anything', {}, REST],
  ['the first reader comes', { need: { kind: 'block', offset: 0 }, demandEnd: 100 }, FROM_START],
  [
    '... and the source can resume nearby',
    { need: { kind: 'block', offset: 600 }, bestStart: MIDDLE },
    { do: 'open', from: MIDDLE },
  ],
  ['the pass gets there', GOING_ON, { do: 'fill', until: 2000 }],
  [
    '... and could begin where it is',
    { ...GOING_ON, bestStart: { offset: 1000, resume: 9n } },
    { do: 'fill', until: 2000 },
  ],
  ['it is on its way', { ...GOING_ON, isBusy: true, isComing: true }, { do: 'fill', until: 2000 }],
  ['the hand has enough to do', { ...GOING_ON, isBusy: true, isComing: true, hasRoom: false }, REST],
  ['as much is planned as somebody wants', { ...GOING_ON, planned: 2000, isComing: true }, REST],
  ['the disk is behind', { ...GOING_ON, spoolIsBehind: true }, REST],
  ['the bytes are behind the pass', { ...GOING_ON, need: { kind: 'block', offset: 0 } }, FROM_START],
  [
    '... and on their way',
    { ...GOING_ON, need: { kind: 'block', offset: 0 }, isBusy: true, isComing: true },
    { do: 'fill', until: 2000 },
  ],
  [
    '... or far ahead of it, where a pass can begin',
    { ...GOING_ON, need: { kind: 'block', offset: 9000 }, bestStart: { offset: 8000, resume: 9n } },
    { do: 'open', from: { offset: 8000, resume: 9n } },
  ],
  [
    '... or far ahead, where none can',
    { ...GOING_ON, need: { kind: 'block', offset: 9000 } },
    { do: 'fill', until: 2000 },
  ],
  [
    'more has to come, wherever',
    { ...GOING_ON, need: { kind: 'position', offset: 0 } },
    { do: 'fill', until: 2000 },
  ],
  ['the calls at this place failed too often', { ...GOING_ON, wantsFreshPass: true }, FROM_START],
  [
    'the pass has ended, and something else is wanted',
    { ...FINISHED, need: { kind: 'block', offset: 0 } },
    FROM_START,
  ],
  ['it is about to be read, at the pass', { ...GOING_ON, need: undefined }, { do: 'fill', until: 2000 }],
  ['it is about to be read, and there is no pass', { demandEnd: 2000 }, REST],
  [
    'it is about to be read, and something is under way',
    { ...GOING_ON, need: undefined, isBusy: true },
    { do: 'fill', until: 2000 },
  ],
  ['nothing is about to be read, at the pass', { ...GOING_ON, need: undefined, demandEnd: 0 }, REST],
  ['the pass has ended, and its last call is under way', { ...FINISHED, isBusy: true }, REST],
  [
    'the call under way brings it, and there is no pass behind it',
    { need: { kind: 'block', offset: 0 }, isBusy: true, isComing: true, demandEnd: 100 },
    REST,
  ],
  [
    'nobody waits any more for what is under way',
    { ...GOING_ON, need: undefined, demandEnd: 0, isBusy: true },
    { do: 'stop' },
  ],
  ['what was sent has to come back first', { ...GOING_ON, mustComeBack: true }, REST],
  ['a pass that is over is still open', { hasEndedPass: true }, { do: 'close' }],
  [
    '... and one is to be opened, which closes it',
    { hasEndedPass: true, need: { kind: 'block', offset: 0 } },
    FROM_START,
  ],
  ['a removal begins, and nothing was read', { errand: 'removal' }, FROM_START],
  ['... whose source does not care', { errand: 'removal', removalNeeds: 'pass' }, FROM_START],
  ['... and something is under way', { errand: 'removal', isBusy: true }, REST],
  [
    '... and somebody wants what is nearer to a later place',
    { errand: 'removal', need: { kind: 'block', offset: 600 }, bestStart: MIDDLE },
    { do: 'open', from: MIDDLE },
  ],
  [
    'a removal needs the rest first',
    { ...GOING_ON, need: undefined, errand: 'removal' },
    { do: 'fill', until: Infinity },
  ],
  [
    'a removal needs the rest, and a reader what is behind',
    { ...GOING_ON, need: { kind: 'block', offset: 0 }, errand: 'removal' },
    FROM_START,
  ],
  ['everything was read', { ...FINISHED, errand: 'removal' }, { do: 'invalidate' }],
  ['everything was read, and something is under way', { ...FINISHED, errand: 'removal', isBusy: true }, REST],
  [
    'the source does not care',
    { ...GOING_ON, errand: 'removal', removalNeeds: 'pass' },
    { do: 'invalidate' },
  ],
  [
    'a beginning is to be compared before the removal, with a pass of its own',
    { ...FINISHED, errand: 'removal', removalNeeds: 'comparison' },
    FROM_START,
  ],
  [
    '... which has begun',
    { pass: 'open', isFresh: true, errand: 'removal', removalNeeds: 'comparison' },
    { do: 'invalidate' },
  ],
  ['a beginning is to be compared, no more', { ...FINISHED, errand: 'comparison' }, FROM_START],
  [
    '... with a pass that has begun',
    { pass: 'open', isFresh: true, errand: 'comparison' },
    { do: 'compare' },
  ],
  ['... and something is under way', { ...GOING_ON, isBusy: true, errand: 'comparison' }, REST],
  ['firmware has been told', { ...FINISHED, errand: 'told', isBusy: true }, REST],
  ['firmware has been told, and somebody reads', { ...GOING_ON, errand: 'told' }, REST],
  ['the dump is lost', { ...GOING_ON, isStopped: true }, { do: 'close' }],
  ['the dump is lost, and something is under way', { ...GOING_ON, isStopped: true, isBusy: true }, REST],
  ['the dump is lost, and its pass is closed', { isStopped: true, need: { kind: 'block', offset: 0 } }, REST],
];

describe('nextStep', () => {
  test.each(ROWS)('%s', (_when, now, expected) => {
    expect(nextStep({ ...AT_REST, ...now })).toEqual(expected);
  });
});
