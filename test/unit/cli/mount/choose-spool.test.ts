import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import { chooseSpool } from '../../../../src/cli/mount/choose-spool.js';
import type { Settings } from '../../../../src/cli/options/option-table.js';
import type { DumpSource } from '../../../../src/source/index.js';

const startsOver = { resumable: false } as DumpSource;
const resumes = { resumable: true } as DumpSource;

describe('chooseSpool', () => {
  let dir = '';

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'platdumpfs-spool-'));
    vi.stubEnv('CACHE_DIRECTORY', join(dir, 'cache'));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true, force: true });
  });

  const choose = (spool: string, source: DumpSource): ReturnType<typeof chooseSpool> =>
    chooseSpool({ spool, spoolSize: 1000 } as Settings, source, silentLogger);

  test('none is none', () => {
    expect(choose('none', startsOver)).toBeUndefined();
  });

  test('auto takes the service manager’s directory, made private, where the source can only start over', () => {
    const chosen = choose('auto', startsOver);
    expect(chosen).toEqual({ directory: join(dir, 'cache'), quotaBytes: 1000 });
    expect(statSync(join(dir, 'cache')).mode & 0o777).toBe(0o700);
  });

  test('auto takes none where the source resumes', () => {
    expect(choose('auto', resumes)).toBeUndefined();
  });

  test('a directory that was asked for is taken for any source', () => {
    expect(choose(join(dir, 'mine'), resumes)?.directory).toBe(join(dir, 'mine'));
  });

  test('a directory that others can write to is refused when asked for, and passed over by auto', () => {
    chmodSync(dir, 0o777);
    vi.stubEnv('CACHE_DIRECTORY', dir);
    expect(() => choose(dir, startsOver)).toThrow(`--spool ${dir} cannot be used`);
    expect(choose('auto', startsOver)).toBeUndefined();
  });
});
