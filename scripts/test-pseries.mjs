#!/usr/bin/env node
// npm run test:pseries: the program as it is packed, on the kernel's own driver, in an emulated Power machine
// (test/pseries/README.md). Builds the machine where it is missing; that needs Debian, root and its mirror.
//
//   --kernel 4k|64k   only that page size (default: both)
//   --part NAME       only that part of suite/suite.sh, say hundred; repeatable
//   --no-build        take dist/ as it is
//   --keep            leave the directory with dumps and logs behind, and say where
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { build, fail, installDependencies, root, say } from './setup.mjs';

const lab = join(root, 'test', 'pseries');
const MIB = 1024 ** 2;
const BOOT_LIMIT_S = 1800;
/** Of dumps that firmware delivers slowly. */
const SLOW_BYTES = 16 * MIB;
/** Of the dump that is copied through librtas, which maps memory for each call: an emulated processor needs milliseconds. */
const LIBRTAS_BYTES = 16 * MIB;

const { values: options } = parseArgs({
  options: {
    kernel: { type: 'string' },
    part: { type: 'string', multiple: true, default: [] },
    'no-build': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const kernels = options.kernel === undefined ? ['4k', '64k'] : [options.kernel];
/** What each machine is at: `works`, `waits` for its turn, `measures`, has `measured` or `ended`. */
const machines = new Map();
const started = performance.now();
let passed = 0;
let failed = 0;

installDependencies();
run(join(lab, 'build'), [], { stdio: ['ignore', 2, 2] });
if (!options['no-build']) build();
const work = mkdtempSync(join(tmpdir(), 'platdumpfs-pseries-'));
try {
  makeApplication();
  // A machine mostly keeps one processor busy.
  if (availableParallelism() >= kernels.length) await Promise.all(kernels.map(testKernel));
  else for (const kernel of kernels) await testKernel(kernel);
} finally {
  if (options.keep) say(`left behind: ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

/** What `npm pack` gives, with its dependencies for ppc64 beside it, and the compiled checks. */
function makeApplication() {
  const app = join(work, 'app');
  mkdirSync(app);
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, root], { stdio: 'ignore' });
  run('sh', ['-c', `tar -xzf "${work}"/platdumpfs-*.tgz -C "${app}" --strip-components=1`]);
  run(
    'npm',
    ['ci', '--omit=dev', '--os=linux', '--cpu=ppc64', '--ignore-scripts', '--no-audit', '--no-fund'],
    {
      cwd: app,
      stdio: 'ignore',
    },
  );
  report(existsSync(join(app, 'dist', 'cli', 'main.js')), 'the packed program is compiled');
  report(
    existsSync(join(app, 'node_modules', '@koromix', 'koffi-linux-ppc64')),
    'npm ci brings the foreign function interface for ppc64',
  );
  const privileged = execFileSync('find', [join(app, 'node_modules'), '-type', 'f', '-perm', '/6000']);
  report(privileged.length === 0, 'npm ci of the packed program leaves no file that is setuid');
  compileChecks(join(app, 'check'));
  run('tar', ['-cf', join(work, 'app.tar'), '-C', work, 'app']);
  // On this machine the checks take the dependencies that are installed here.
  rmSync(join(app, 'node_modules'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
}

function compileChecks(directory) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(lab, 'tsconfig.json');
  const args = [tsc, '-p', project, '--outDir', directory];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0 && !options['no-build']) fail(`compiling the checks failed:\n${stdout}`);
  const vitest = join(directory, 'node_modules', 'vitest');
  mkdirSync(vitest, { recursive: true });
  copyFileSync(join(lab, 'check', 'vitest.mjs'), join(vitest, 'index.mjs'));
  writeFileSync(join(vitest, 'package.json'), '{"name":"vitest","exports":"./index.mjs"}');
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  cpSync(join(root, 'test', 'data', 'opal-sysfs'), join(directory, 'test', 'data', 'opal-sysfs'), {
    recursive: true,
  });
}

async function testKernel(kernel) {
  const share = join(work, kernel);
  const dumps = join(share, 'dumps');
  mkdirSync(dumps, { recursive: true });
  makeDumps(share, dumps);
  linkSync(join(work, 'app.tar'), join(share, 'app.tar'));
  cpSync(join(lab, 'suite'), join(share, 'suite'), { recursive: true });
  const log = join(share, 'rtas.log');
  writeFileSync(log, '');
  say(`booting the machine, pages of ${kernel}`);
  machines.set(kernel, 'works');
  const begun = performance.now();
  const script = join(share, 'suite', 'suite.sh');
  chmodSync(script, 0o755);
  const what = ['--script', script, '--share', share, '--dumps', dumps, '--rtas-log', log];
  const stats = join(share, 'stats');
  const status = await runGuest(kernel, what, stats);
  isAt(kernel, 'ended');
  if (status > 1) report(false, `${kernel}: the machine ended with status ${status}`);
  if (options.part.length === 0 || options.part.includes('sources'))
    await compareWithSimulator(kernel, share, log);
  const seconds = Math.round((performance.now() - begun) / 1000);
  say(`pages of ${kernel}: ${seconds} s (the machine alone: ${readFileSync(stats, 'utf8').trim()})`);
}

/** Dumps that are there when the machine boots. Equal ones are one file: the hypervisor only renames. */
function makeDumps(share, dumps) {
  const make = (tag, size, ...how) =>
    run('python3', [join(lab, 'make-dump'), dumps, tag, String(size), ...how]);
  const twins = (tag, size, ...others) => {
    make(tag, size);
    for (const other of others) linkSync(join(dumps, tag), join(dumps, other));
  };
  const row = (first, count) =>
    Array.from({ length: count }, (_, at) => (first + at).toString(16).padStart(16, '0'));
  const fault = (tag, line) => writeFileSync(join(dumps, `${tag}.fault`), `${line}\n`);
  make('0000000200000001', 64 * MIB);
  make('0000000200000003', LIBRTAS_BYTES);
  twins('0000000200000005', 8 * MIB, '0000000200000002');
  make('0000000200000004', 100_000);
  const slow = row(0x3_0000_0101, 9);
  twins(slow[0], SLOW_BYTES, ...slow.slice(1));
  for (const tag of slow) fault(tag, 'latency 1000');
  const many = row(0x4_0000_0000, 100);
  twins(many[0], 40_000, ...many.slice(1));
  for (const tag of ['0000000200000071', '0000000200000072']) {
    make(tag, 300_000, '--event');
    renameSync(join(dumps, `${tag}.event`), join(dumps, `${tag}.event-held`));
  }
  make('0000000000000001', 2 * MIB);
  renameSync(join(dumps, '0000000000000001'), join(share, 'seed'));
}

async function runGuest(kernel, args, stats) {
  // One of them is away in firmware: the program is to have both processors of a small host meanwhile.
  const how = ['--smp', '3', '--kernel', kernel, '--stats', stats, '--timeout', String(BOOT_LIMIT_S), '--'];
  const suite = [String(SLOW_BYTES), String(LIBRTAS_BYTES), ...options.part];
  const child = spawn(join(lab, 'run-guest'), [...args, ...how, ...suite], {
    stdio: ['ignore', 'pipe', 2],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await readReport(kernel, child.stdout);
  return (await ended) ?? 1;
}

async function compareWithSimulator(kernel, share, log) {
  const program = join(work, 'app', 'check', 'test', 'pseries', 'check', 'operations-sim.js');
  const child = spawn(process.execPath, [program, join(share, 'operations.txt'), log], {
    stdio: ['ignore', 'pipe', 2],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await readReport(kernel, child.stdout);
  if ((await ended) > 1) report(false, `${kernel}: the comparison with the simulator failed`);
}

/** Times are measured on a quiet host: by one machine after the other, when all have come to it; then all go on. */
function isAt(kernel, what) {
  machines.set(kernel, what);
  const all = [...machines.keys()];
  const are = (state) => all.filter((each) => machines.get(each) === state);
  if (are('works').length + are('measures').length > 0) return;
  const [next] = are('waits');
  if (next !== undefined) machines.set(next, 'measures');
  for (const each of next === undefined ? all : [next])
    writeFileSync(join(work, each, next === undefined ? 'go-on' : 'turn'), '');
}

/** Lines "ok NAME" and "FAIL NAME"; what else is said is passed on. */
async function readReport(kernel, stream) {
  for await (const line of createInterface({ input: stream })) {
    if (line.startsWith('ok ')) passed += 1;
    if (line.startsWith('FAIL ')) failed += 1;
    if (line === 'turn wanted') isAt(kernel, 'waits');
    if (line === 'turn over') isAt(kernel, 'measured');
    const seconds = Math.round((performance.now() - started) / 1000);
    process.stdout.write(`${kernel.padStart(3)} ${String(seconds).padStart(4)} s  ${line}\n`);
  }
}

function report(holds, what) {
  if (holds) passed += 1;
  else failed += 1;
  process.stdout.write(`    ${holds ? 'ok' : 'FAIL'} ${what}\n`);
}

function run(program, args, settings = {}) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 2], ...settings });
  if (status !== 0)
    fail(`${program} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`);
}
