import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelReader } from '../../../src/lockdown/level-file.js';
import type { FuzzTarget } from '../target.js';
import { latin1 } from '../target.js';

let fd: number | undefined;

/** The text of /sys/kernel/security/lockdown: whatever is no level counts as locked. */
export const levelFile: FuzzTarget = {
  name: 'level-file',
  isText: true,
  words: [
    'none',
    '[none]',
    'integrity',
    '[integrity]',
    'confidentiality',
    '[confidentiality]',
    ' ',
    '\n',
    '[',
    ']',
  ],
  run(input) {
    fd ??= openUnnamed();
    ftruncateSync(fd);
    writeSync(fd, input, 0, input.length, 0);
    const reading = new LevelReader().read(fd);
    if (reading.kind !== 'level') return;
    const text = latin1(input);
    assert(input.length <= 256);
    assert.match(text, /^[ \ta-z_[\]]+\n?$/);
    assert.deepEqual(text.match(/\[[^\]]*\]/g), [`[${reading.level}]`]);
  },
};

/** A file that goes with this process. */
function openUnnamed(): number {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-fuzz-'));
  const opened = openSync(join(directory, 'level'), 'wx+');
  rmSync(directory, { recursive: true });
  process.once('exit', () => closeSync(opened));
  return opened;
}
