import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeHolders, paprHolders } from '../../../../src/source/papr/papr-holders.js';

const proc = mkdtempSync(join(tmpdir(), 'platdumpfs-proc-'));
const HANDLE = 'anon_inode:[papr-platform-dump]';

beforeAll(() => {
  makeProcess(17, 'extract_platdum', ['/dev/null', HANDLE]);
  makeProcess(18, 'bash', ['/dev/pts/0', 'anon_inode:[eventpoll]']);
  makeProcess(400, 'node', [HANDLE, HANDLE], ['node', '/usr/bin/platdumpfs', 'mount', '/mnt/a\nb', '']);
  // A control character of C1, and one that turns the direction of the text.
  makeProcess(402, '\u009b2J\u202ecod', [HANDLE]);
  makeProcess(401, 'cat', [HANDLE], ['cat', 'x'.repeat(1000)]);
  mkdirSync(join(proc, '500')); // ended while we look
  mkdirSync(join(proc, 'sys'));
});
afterAll(() => rmSync(proc, { recursive: true }));

test('paprHolders names each process that has a handle once', () => {
  expect(paprHolders(proc)).toEqual([
    { pid: 17, name: 'extract_platdum' },
    { pid: 400, name: 'node /usr/bin/platdumpfs mount /mnt/a?b' },
    { pid: 401, name: `cat ${'x'.repeat(116)}` },
    { pid: 402, name: '?2J?cod' },
  ]);
});

test('paprHolders of a machine without any is empty', () => {
  expect(paprHolders()).toEqual([]);
  expect(paprHolders('/nonexistent')).toEqual([]);
});

test.each([
  { holders: [17, 400], own: 400, says: 'p17 (pid 17) has it open' },
  { holders: [17, 18, 400], own: 400, says: 'one of these has it open: p17 (pid 17), p18 (pid 18)' },
  { holders: [400], own: 400, says: 'this process itself has it open' },
  { holders: [], own: 400, says: 'some process that cannot be seen from here has it open' },
])('describeHolders of $holders says "$says"', ({ holders, own, says }) => {
  expect(
    describeHolders(
      holders.map((pid) => ({ pid, name: `p${pid}` })),
      own,
    ),
  ).toBe(says);
});

function makeProcess(
  pid: number,
  name: string,
  links: readonly string[],
  words: readonly string[] = [],
): void {
  mkdirSync(join(proc, String(pid), 'fd'), { recursive: true });
  writeFileSync(join(proc, String(pid), 'comm'), `${name}\n`);
  writeFileSync(join(proc, String(pid), 'cmdline'), words.map((word) => `${word}\0`).join(''));
  for (const [fd, target] of links.entries()) symlinkSync(target, join(proc, String(pid), 'fd', String(fd)));
}
