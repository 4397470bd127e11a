import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ProcessHandle } from '../../../src/base/process-handle.js';

const HERE = fileURLToPath(import.meta.url);

test('a descriptor of another process is there after that has ended', async () => {
  const fd = openSync(HERE, 'r');
  const child = spawn('sleep', ['1000'], { stdio: [fd, 'ignore', 'ignore'] });
  closeSync(fd);
  using handle = new ProcessHandle(child.pid ?? 0);
  const taken = handle.descriptor(0);
  expect(() => handle.descriptor(99)).toThrow('EBADF: cannot take descriptor 99 of process');
  expect(await handle.endsWithin(0)).toBe(false);
  const end = handle.endsWithin(60_000);
  child.kill('SIGKILL');
  expect(await end).toBe(true);
  expect(readFileSync(taken, 'utf8')).toBe(readFileSync(HERE, 'utf8'));
  closeSync(taken);
});

test('a process that has ended cannot be taken for another', async () => {
  const child = spawn('true');
  await once(child, 'close');
  expect(() => new ProcessHandle(child.pid ?? 0)).toThrow('ESRCH');
});
