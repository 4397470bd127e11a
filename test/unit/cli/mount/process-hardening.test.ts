import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { compiled } from '../../../support/compiled.js';

const MODULE = compiled('cli/mount/process-hardening.js');

/** What the process of another user shows of itself before and after. */
const SCRIPT = `
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { protect } from ${JSON.stringify(MODULE)};
const look = () => ({
  owner: statSync('/proc/self/environ').uid,
  core: /^Max core file size +(\\S+) +(\\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')).slice(1),
  filter: readFileSync('/proc/self/coredump_filter', 'utf8').trim(),
  // The program itself goes on looking at these.
  canLook: readdirSync('/proc/self/fd').length > 0 && readFileSync('/proc/self/fdinfo/0', 'utf8') !== '' &&
    readFileSync('/proc/self/mountinfo', 'utf8') !== '' && readFileSync('/proc/self/status', 'utf8') !== '',
});
const before = look();
const protections = protect();
console.log(JSON.stringify({ before, protections, after: look() }));
`;

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

async function run(...flags: readonly string[]): Promise<unknown> {
  const args = [...flags, '--input-type=module', '--eval', SCRIPT];
  const { stdout } = await promisify(execFile)(process.execPath, args, isRoot ? { uid: NOBODY } : {});
  return JSON.parse(stdout);
}

test.skipIf(!isRoot)(
  'protect() closes a process of an ordinary user to that user (root starts one)',
  async () => {
    const done = ['no core dump', 'closed to debuggers', 'freed memory overwritten'].map((name) => ({
      name,
    }));
    expect(await run()).toMatchObject({
      before: { owner: NOBODY },
      protections: done,
      after: { owner: 0, core: ['1', '1'], filter: '00000000', canLook: true },
    });
  },
);

test('protect() without native packages says what is missing, and limits core files all the same', async () => {
  const missing = 'the optional package koffi cannot be loaded';
  expect(await run('--no-addons')).toMatchObject({
    protections: [
      { name: 'no core dump' },
      { name: 'closed to debuggers', missing },
      { name: 'freed memory overwritten', missing },
    ],
    after: { core: ['1', '1'], filter: '00000000' },
  });
});
