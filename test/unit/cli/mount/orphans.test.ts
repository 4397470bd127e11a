import { describe, expect, test } from 'vitest';
import { endedChild } from '../../../../src/cli/mount/orphans.js';

/** As proc_pid_stat(5) has it: pid, name, state, parent, then numbers; the 22nd is when it was started. */
function stat(name: string, state: string, parent: number): string {
  const numbers = Array.from({ length: 48 }, (_, index) => (index === 17 ? 4711 : index));
  return `77 (${name}) ${state} ${parent} ${numbers.join(' ')}\n`;
}

describe('endedChild', () => {
  test.each(['sleep', 'a b', 'x) R 5 (', '(sd-pam)'])('knows a zombie of ours that is called %j', (name) => {
    expect(endedChild(stat(name, 'Z', 1), 1)).toEqual({ pid: 77, key: '77 4711' });
  });

  test.each([
    { what: 'runs', text: stat('sleep', 'S', 1) },
    { what: 'has another parent', text: stat('sleep', 'Z', 12) },
    { what: 'runs, whatever its name says', text: stat('x) Z 1 (', 'R', 1) },
    { what: 'is gone meanwhile', text: '' },
  ])('leaves alone what $what', ({ text }) => {
    expect(endedChild(text, 1)).toBeUndefined();
  });
});
