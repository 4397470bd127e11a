#!/usr/bin/env node
// npm run torture, with figures: rounds of process faults on real mounts, --rounds N (300); orders of what may happen
// at once, --depth N (7); inputs made to break something, --seconds N (30) for each target. --seed S (any).
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, fail, installDependencies, installPackages, root, say } from './setup.mjs';

const PACKAGES = 'mount util-linux procps python3 fuse3 libfuse2'.split(' ');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    depth: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
  },
});
const rounds = whole('--rounds', values.rounds, 300);
const depth = whole('--depth', values.depth, 7);
const seconds = whole('--seconds', values.seconds, 30);
const seed = whole('--seed', values.seed, randomInt(2 ** 31));
const RANDOM_ORDERS = 500;

installDependencies();
const missing = installPackages(PACKAGES);
if (missing.length > 0) say(`rounds that need ${missing.join(', ')} will fail; install it as root`);
build();

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const steps = [
  {
    title: `${rounds} rounds, --seed ${seed}`,
    args: [vitest, 'run', '--config', 'test/torture/vitest.config.ts'],
    env: { TORTURE_ROUNDS: String(rounds), TORTURE_SEED: String(seed) },
  },
  {
    title: `every order of ${depth} choices`,
    args: [vitest, 'run', 'test/fault/schedules.test.ts'],
    env: { SCHEDULE_DEPTH: String(depth), SCHEDULE_RUNS: String(RANDOM_ORDERS) },
  },
  {
    title: `${seconds} seconds for each target`,
    args: [join(root, 'scripts', 'fuzz.mjs'), '--seconds', String(seconds), '--seed', String(seed)],
    env: {},
  },
];
let isStopped = false;
for (const { title, args, env } of steps) {
  if (isStopped) break;
  say(title);
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      isStopped = true;
      child.kill(signal);
    });
  const [status] = await once(child, 'close');
  if (status !== 0) process.exitCode = 1;
}

function whole(option, text, otherwise) {
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) fail(`${option}: expected a whole number, got "${text}"`);
  return Number(text);
}
