#!/usr/bin/env node
// npm run torture, with figures at the end: rounds of process faults on real mounts, and load on them, --rounds N (150);
// orders of what may happen at once, --depth N (6); inputs made to break something, --seconds N (20) for each target;
// mutants of what decides about deletion and lockdown; faults of firmware; a small machine. Fewer than 100 rounds leave the
// last two out, and all rooms of mutants but one. --seed S (any). --only PART,... of rounds, load, small, orders, fuzz, mutants, faults
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, fail, installDependencies, installPackages, root, say } from './setup.mjs';

const PACKAGES =
  'mount util-linux procps python3 fuse3 libfuse2 fio rsync tar strace e2fsprogs libfaketime restic borgbackup rclone'.split(
    ' ',
  );

/** With fewer, what .ci/run does elsewhere and what takes minutes is left out. */
const LONG_ROUNDS = 100;
const RANDOM_ORDERS = 500;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    depth: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
  },
});
const rounds = whole('--rounds', values.rounds, 150);
const depth = whole('--depth', values.depth, 6);
const seconds = whole('--seconds', values.seconds, 20);
const seed = whole('--seed', values.seed, randomInt(2 ** 31));

const vitest = [process.execPath, join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run'];
const torture = [...vitest, '--config', 'test/torture/vitest.config.ts'];
const fuzz = [process.execPath, join(root, 'scripts', 'fuzz.mjs')];
/** The short version breaks one room that takes a minute or two, which the seed chooses; the others take longer. */
const room = rounds < LONG_ROUNDS ? [['saved', 'guarded'][seed % 2]] : [];
/** What runs on mounts, beside what computes. */
const LANES = [
  [
    { name: 'rounds', command: [...torture, 'process-faults'] },
    { name: 'load', command: [...torture, 'load'] },
    { name: 'small', command: [join(root, 'scripts', 'small-machine.sh')], isLong: true },
  ],
  [
    { name: 'orders', command: [...vitest, 'test/fault/schedules.test.ts'] },
    { name: 'fuzz', command: [...fuzz, '--seconds', String(seconds), '--seed', String(seed)] },
    { name: 'mutants', command: [process.execPath, join(root, 'mutants', 'run.mjs'), ...room] },
    { name: 'faults', command: [...vitest, 'test/fault/fault-matrix.test.ts'], isLong: true },
  ],
];
const PARTS = LANES.flat();
const names = values.only?.split(',') ?? PARTS.map(({ name }) => name);
const unknown = names.find((name) => !PARTS.some((part) => part.name === name));
if (unknown !== undefined) fail(`--only: no part "${unknown}": ${PARTS.map(({ name }) => name).join(', ')}`);
const isChosen = ({ name, isLong = false }) =>
  names.includes(name) && (!isLong || rounds >= LONG_ROUNDS || values.only !== undefined);

installDependencies();
const missing = installPackages(PACKAGES);
if (missing.length > 0) say(`what needs ${missing.join(', ')} is skipped, or fails; install it as root`);
build();

say(`${rounds} rounds, every order of ${depth} choices, ${seconds} seconds for each target, --seed ${seed}`);
const work = mkdtempSync(join(tmpdir(), 'platdumpfs-torture-'));
const figures = join(work, 'figures');
let isStopped = false;
const results = (await Promise.all(LANES.map((lane) => inTurn(lane.filter(isChosen))))).flat();
process.stdout.write(`\n--- figures: ${rounds} rounds, --seed ${seed} ---\n`);
if (existsSync(figures)) process.stdout.write(readFileSync(figures, 'utf8'));
for (const { name, status, tookS } of results)
  process.stdout.write(`${name}: ${status === 0 ? 'survived' : 'FAILED'} (${tookS} s)\n`);
rmSync(work, { recursive: true });
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;

async function inTurn(parts) {
  const results = [];
  for (const { name, command } of parts) if (!isStopped) results.push({ name, ...(await run(command)) });
  return results;
}

async function run([program, ...args]) {
  const began = performance.now();
  const env = {
    ...process.env,
    TORTURE_ROUNDS: String(rounds),
    TORTURE_SEED: String(seed),
    TORTURE_FIGURES: figures,
    SCHEDULE_DEPTH: String(depth),
    SCHEDULE_RUNS: String(RANDOM_ORDERS),
  };
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env });
  const pass = (signal) => {
    isStopped = true;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, pass);
  const status = await new Promise((resolve) => child.once('close', resolve));
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, pass);
  return { status, tookS: Math.round((performance.now() - began) / 1000) };
}

function whole(option, text, otherwise) {
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) fail(`${option}: expected a whole number, got "${text}"`);
  return Number(text);
}
