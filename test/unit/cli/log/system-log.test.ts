import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemLog } from '../../../../src/cli/log/system-log.js';
import { withoutDescriptors } from '../../../support/without-descriptors.js';

let directory: string;
let program: string;
let taken: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-syslog-'));
  program = join(directory, 'logger');
  taken = join(directory, 'taken');
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A logger(1) of our own. */
function logger(script: string): string {
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return program;
}

function lines(): string {
  return existsSync(taken) ? readFileSync(taken, 'utf8') : '';
}

describe('SystemLog', () => {
  test('says why there is none where no descriptor is left', async () => {
    const command = logger('exec cat');
    const log = withoutDescriptors(() => new SystemLog(command));
    await expect.poll(() => log.failure).toMatch(/EMFILE/);
    expect(() => log.write('<6>one\n')).toThrow('EMFILE');
  });

  test('gives its lines to logger(1), also the last ones', async () => {
    const log = new SystemLog(logger(`echo "$@" >${taken}; exec cat >>${taken}`));
    log.write('<6>one\n');
    log.write('<4>two\n');
    log.close();
    await expect.poll(lines).toContain('<6>one\n<4>two\n');
    expect(lines()).toContain('--tag platdumpfs');
    expect(log.failure ?? '').not.toMatch(/ENOENT/);
  });

  test('says why nothing is taken, fails each line, and tries again later', async () => {
    let nowMs = 0;
    const log = new SystemLog(logger('echo "socket /dev/log: no such file" >&2; exit 1'), () => nowMs);
    await expect.poll(() => log.failure).toBe('socket /dev/log: no such file');
    expect(() => log.write('<6>lost\n')).toThrow('/dev/log');
    logger(`exec cat >${taken}`);
    nowMs = 60_000;
    log.write('<6>taken\n');
    await expect.poll(lines).toBe('<6>taken\n');
    log.close();
  });

  test('says that there is no logger(1)', async () => {
    const log = new SystemLog(join(directory, 'nothing'));
    await expect.poll(() => log.failure).toContain('ENOENT');
  });

  test('waits for nobody: what is not taken is lost', () => {
    const log = new SystemLog(logger('sleep 2; exec cat >/dev/null'));
    const line = `<6>${'x'.repeat(16_000)}\n`;
    expect(() => {
      for (let i = 0; i < 100; i += 1) log.write(line);
    }).toThrow('takes nothing');
    log.close();
  });
});
