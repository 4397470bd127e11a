import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogFile } from '../../../../src/cli/log/log-file.js';
import { withoutDescriptors } from '../../../support/without-descriptors.js';

let directory: string;
let path: string;
let failures: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-log-'));
  path = join(directory, 'log');
  failures = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(format: 'text' | 'json' = 'json'): Promise<LogFile> {
  return LogFile.open(path, format, (reason) => failures.push(reason));
}

describe('LogFile', () => {
  test('fails in one line where no descriptor is left', async () => {
    await expect(withoutDescriptors(() => open())).rejects.toThrow(/^cannot write the log: .*EMFILE/);
  });

  test('has written what it was given when it is closed, with the time where it is text', async () => {
    const file = await open('text');
    file.write('one\ntwö\n');
    await file.close();
    expect(readFileSync(path, 'utf8')).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z one\n\d{4}-\d\d-\d\dT[\d:.]+Z twö\n$/,
    );
  });

  test('goes on in a new file once the old one was moved away, and in the old one where it cannot', async () => {
    const file = await open();
    renameSync(path, `${path}.1`);
    await file.reopen();
    file.write('new\n');
    renameSync(path, `${path}.2`);
    symlinkSync('/etc/passwd', path);
    await file.reopen();
    file.write('newer\n');
    await file.close();
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('new\nnewer\n');
    expect(failures).toEqual([expect.stringContaining('ELOOP')]);
  });

  test('says in one line what is no file of ours', async () => {
    mkdirSync(path);
    await expect(open()).rejects.toThrow(/^cannot write the log: EISDIR/);
  });
});
