import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensurePrivateDirectory } from '../../../src/cli/runtime-directory.js';

test('a private directory is made with all that is above it, and may be there already', () => {
  const base = mkdtempSync(join(tmpdir(), 'platdumpfs-private-'));
  try {
    const path = join(base, 'a', 'b', 'c');
    ensurePrivateDirectory(path);
    ensurePrivateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test('where no directory can be made it fails at once', () => {
  // In a process of its own: what never returns would end no test.
  const program = join(import.meta.dirname, '../../../bin/platdumpfs');
  const base = mkdtempSync(join(tmpdir(), 'platdumpfs-private-'));
  try {
    const args = [program, 'mount', 'sim', base, '--lockdown=ignore', '--spool=/proc/none/spool'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    expect(stderr).toContain('--spool /proc/none/spool cannot be used');
    expect(status).toBe(1);
  } finally {
    rmSync(base, { recursive: true });
  }
});
