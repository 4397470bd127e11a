#!/usr/bin/env node
// npm run torture: rounds of process faults on real mounts, and figures. --rounds N (300), --seed S (any).
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, fail, installDependencies, installPackages, root, say } from './setup.mjs';

const PACKAGES = 'mount util-linux procps python3 fuse3 libfuse2'.split(' ');

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
const rounds = whole('--rounds', values.rounds, 300);
const seed = whole('--seed', values.seed, randomInt(2 ** 31));

installDependencies();
const missing = installPackages(PACKAGES);
if (missing.length > 0) say(`rounds that need ${missing.join(', ')} will fail; install it as root`);
build();

say(`${rounds} rounds, --seed ${seed}`);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', '--config', 'test/torture/vitest.config.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, TORTURE_ROUNDS: String(rounds), TORTURE_SEED: String(seed) },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('close', (status) => {
  process.exitCode = status ?? 1;
});

function whole(option, text, otherwise) {
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) fail(`${option}: expected a whole number, got "${text}"`);
  return Number(text);
}
