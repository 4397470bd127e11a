import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { LevelReading } from '../../../src/lockdown/level-file.js';
import type { LevelGateOptions } from '../../../src/lockdown/level-gate.js';
import { LevelGate } from '../../../src/lockdown/level-gate.js';

const OPEN: LevelReading = { kind: 'level', level: 'none' };
const ABSENT: LevelReading = { kind: 'absent' };
const BLIND: LevelReading = { kind: 'blind', reason: 'it cannot be read (EMFILE)' };
const LOCKED: LevelReading = { kind: 'level', level: 'confidentiality' };

/** A gate whose looks find `readings`, one after the other; the last one stays. */
function gateOver(...readings: [LevelReading, ...LevelReading[]]): {
  gate: LevelGate;
  tick: () => void;
  lines: string[];
} {
  const lines: string[] = [];
  const tell = (): void => watch.onReading(readings.length > 1 ? readings.shift()! : readings[0]);
  const watch: LevelGateOptions['watch'] = {
    onReading: (): void => undefined,
    look: tell,
    [Symbol.asyncDispose]: (): Promise<void> => Promise.resolve(),
  };
  const absentIsOpen = readings[0].kind === 'absent';
  const log = createLogger({ level: 'info', format: 'text', write: (line) => lines.push(line) });
  return { gate: new LevelGate({ watch, path: '/level', absentIsOpen, log }), tick: tell, lines };
}

test.each([
  { what: 'a file that says none', usual: OPEN },
  { what: 'the absence of one', usual: ABSENT },
])('LevelGate is closed while nobody can look, and open after that: $what', ({ usual }) => {
  const { gate, tick, lines } = gateOver(usual, BLIND, BLIND, BLIND, usual);
  let risen = 0;
  gate.onRise(() => (risen += 1));
  tick();
  expect(gate.reason).toBe('/level: it cannot be read (EMFILE)');
  expect([gate.locked(), gate.locked()]).toEqual([true, true]);
  expect(gate.locked()).toBe(false);
  expect(gate.reason).toBeUndefined();
  expect(risen).toBe(0);
  expect(lines.map((line) => line.trimEnd())).toEqual([
    'platdumpfs: warn: the lockdown level cannot be looked at: dumps are hidden until it can reason="/level: it cannot be read (EMFILE)"',
    'platdumpfs: info: the lockdown level can be looked at again',
  ]);
});

test.each([
  { what: 'confidentiality', found: LOCKED },
  { what: 'something that is no level', found: { kind: 'unreadable', reason: 'it is no file' } as const },
])('LevelGate closes for good where the first look after that finds $what', ({ found }) => {
  const { gate, tick } = gateOver(ABSENT, BLIND, found, OPEN);
  let risen = 0;
  gate.onRise(() => (risen += 1));
  tick();
  expect([gate.locked(), gate.locked(), gate.locked()]).toEqual([true, true, true]);
  expect(risen).toBe(1);
});

test('LevelGate looks at each question, but for a file that does not exist only when it is told', () => {
  for (const { usual, isOpenAfter } of [
    { usual: OPEN, isOpenAfter: false },
    { usual: ABSENT, isOpenAfter: true },
  ]) {
    const { gate } = gateOver(usual, LOCKED);
    expect(gate.locked()).toBe(!isOpenAfter);
  }
});

test('LevelGate says the level that it found last', () => {
  const { gate, tick } = gateOver(OPEN, LOCKED);
  expect(gate.level).toBe('none');
  tick();
  expect(gate.level).toBe('confidentiality');
});

test('LevelGate tells of a rise once, however often the level is found again', () => {
  const { gate, tick } = gateOver(OPEN, LOCKED);
  let risen = 0;
  gate.onRise(() => (risen += 1));
  tick();
  tick();
  expect(risen).toBe(1);
});
