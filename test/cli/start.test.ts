import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { PATIENCE } from '../support/patience.js';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));

test('npm start mounts the sample dumps, says where and what to try, and ends at Ctrl-C without a trace', async () => {
  const started = spawn(process.execPath, [START], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (data: Buffer) => (said += String(data)));
  const ended = once(started, 'close');
  try {
    await vi.waitUntil(() => said.includes('Ctrl-C here') || started.exitCode !== null, PATIENCE);
    const directory = /are mounted at (\S+)/.exec(said)?.[1] ?? '';
    expect(existsSync(directory), said).toBe(true);
    expect(readdirSync(directory)).toContain('0x0000000300000001');
    started.kill('SIGINT');
    expect(await ended, said).toEqual([0, null]);
    expect(existsSync(directory)).toBe(false);
  } finally {
    started.kill('SIGTERM');
  }
});
