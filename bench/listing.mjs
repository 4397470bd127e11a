#!/usr/bin/env node
// Ten thousand announced dumps: how long programs take that list them, compared with the same names and sizes on tmpfs;
// memory for each; how often firmware is asked. As root, after npm run build:
//
//   node bench/listing.mjs [COUNT]
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'bin', 'platdumpfs');
const HOOK = join(ROOT, 'bench', 'listing', 'memory-hook.cjs');
const SAMPLE = join(ROOT, 'test', 'data', 'rtas-events', 'v6_dump_notification');

/** In the sample event: where the Dump Locator has its type, id and size. */
const TYPE_AT = 209;
const ID_AT = 212;
const SIZE_AT = 220;

const ROUNDS = 5;
const LIMIT_MS = 60_000;

const TOOLS = [
  { name: 'ls', command: ['ls'] },
  { name: 'ls -l', command: ['ls', '-l'] },
  { name: 'find', command: ['find'] },
  { name: 'find -size', command: ['find', '-size', '+1M'] },
  { name: 'rsync --list-only', command: ['rsync', '--list-only', '-r'], slash: true },
];

/**
 * @param {{count?: number, say?: (text: string) => void}} options
 * @returns figures: milliseconds, bytes, calls
 */
export async function measureListing({ count = 10_000, say = () => undefined } = {}) {
  const place = new Place();
  try {
    say(`preparing ${count} dumps`);
    const dumps = Array.from({ length: count }, (_, at) => dumpAt(at));
    place.prepare(dumps);
    await place.mount();
    const empty = await place.memory();
    const before = place.firmwareCalls();
    const begun = performance.now();
    appendFileSync(place.log, dumps.map(eventText).join(''));
    await until('all are listed', () => readdirSync(place.mountpoint).length === count);
    const listedMs = performance.now() - begun;
    say(`listed ${(listedMs / 1000).toFixed(1)} s after their events were in the log`);
    const tools = TOOLS.map((tool) => compare(tool, place));
    const full = await place.memory();
    const seconds = (performance.now() - begun) / 1000;
    const calls = place.firmwareCalls() - before;
    return {
      count,
      listedMs,
      tools,
      bytesPerDump: (full.usedBytes - empty.usedBytes) / count,
      rssBytes: full.rssBytes,
      firmware: { calls, seconds, perSecond: calls / seconds },
    };
  } finally {
    await place.clear();
  }
}

/** What is measured, in a directory that goes with it. */
class Place {
  directory = realpathSync(mkdtempSync('/var/tmp/platdumpfs-listing-'));
  mountpoint = join(this.directory, 'mnt');
  tmpfs = join(this.directory, 'tmpfs');
  dumps = join(this.directory, 'dumps');
  log = join(this.directory, 'platform');
  #trace = join(this.directory, 'trace');
  #memory = join(this.directory, 'memory');
  #daemon;

  prepare(dumps) {
    for (const path of [this.mountpoint, this.tmpfs, this.dumps]) mkdirSync(path);
    for (const path of [this.log, this.#trace, this.#memory]) writeFileSync(path, '');
    run('mount', ['-t', 'tmpfs', 'none', this.tmpfs]);
    for (const { name, size } of dumps) {
      writeFileSync(join(this.dumps, `${name}.json`), '{"announced":false}');
      for (const directory of [this.dumps, this.tmpfs]) sparseFile(join(directory, name), size);
    }
  }

  async mount() {
    const options = [
      `--sim-dir=${this.dumps}`,
      '--events=log',
      `--platform-log=${this.log}`,
      `--trace-rtas=${this.#trace}`,
      '--log-level=warn',
    ];
    this.#daemon = spawn(
      process.execPath,
      ['-r', HOOK, PROGRAM, 'mount', 'sim', this.mountpoint, ...options],
      {
        env: {
          ...process.env,
          RUNTIME_DIRECTORY: join(this.directory, 'run'),
          PLATDUMPFS_BENCH_MEMORY: this.#memory,
        },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    await until('mounted', () => isMounted(this.mountpoint));
    await until('served', () => existsSync(join(this.directory, 'run')));
  }

  /** After a collection of garbage. */
  async memory() {
    const lines = () => readFileSync(this.#memory, 'utf8').split('\n').slice(0, -1);
    const { length } = lines();
    this.#daemon.kill('SIGUSR2');
    await until('memory is known', () => lines().length > length);
    return JSON.parse(lines().at(-1));
  }

  firmwareCalls() {
    return readFileSync(this.#trace, 'utf8').split('\n').length - 1;
  }

  async clear() {
    if (this.#daemon?.exitCode === null) {
      const ended = new Promise((resolve) => this.#daemon.once('close', resolve));
      this.#daemon.kill('SIGTERM');
      await ended;
    }
    for (const path of [this.mountpoint, this.tmpfs]) if (isMounted(path)) spawnSync('umount', ['-l', path]);
    rmSync(this.directory, { recursive: true });
  }
}

function dumpAt(at) {
  const id = at + 1;
  return { id, name: `0x00000002${id.toString(16).padStart(8, '0')}`, size: 1_000_000 + at * 4096 };
}

let sample;

/** The event that announces a dump, as rtas_errd writes it to its log. */
function eventText({ id, size }) {
  sample ??= Buffer.from(
    [...readFileSync(SAMPLE, 'latin1').matchAll(/^RTAS \d+:(.*)$/gm)]
      .map(([, hex]) => hex.replace(/\s/g, ''))
      .join(''),
    'hex',
  );
  const event = Buffer.from(sample);
  event.writeUInt8(2, TYPE_AT);
  event.writeUInt32BE(id, ID_AT);
  event.writeBigUInt64BE(BigInt(size), SIZE_AT);
  const lines = [];
  for (let at = 0; at < event.length; at += 16) {
    const groups = event.toString('hex', at, at + 16).match(/.{1,8}/g) ?? [];
    lines.push(`RTAS ${at / 16}: ${groups.join(' ')}\n`);
  }
  return `RTAS: ${id} -------- RTAS event begin --------\n${lines.join('')}RTAS: ${id} -------- RTAS event end ----------\n`;
}

function compare({ name, command, slash = false }, { mountpoint, tmpfs }) {
  const [program, ...args] = command;
  const time = (directory) => {
    const target = slash ? `${directory}/` : directory;
    // Options of find come behind the directory.
    const all = program === 'find' ? [target, ...args] : [...args, target];
    const begun = performance.now();
    run(program, all);
    return performance.now() - begun;
  };
  const firstMs = time(mountpoint);
  const ours = [];
  const theirs = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    theirs.push(time(tmpfs));
    ours.push(time(mountpoint));
  }
  const [oursMs, tmpfsMs] = [median(ours), median(theirs)];
  const ratio = median(ours.map((value, round) => value / theirs[round]));
  return { name, firstMs, oursMs, tmpfsMs, ratio };
}

function run(program, args) {
  const { status, stderr, error } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

function sparseFile(path, size) {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  closeSync(fd);
}

function isMounted(path) {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);
}

async function until(what, holds) {
  const deadline = performance.now() + LIMIT_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}`);
    await sleep(20);
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function table({ count, listedMs, tools, bytesPerDump, rssBytes, firmware }) {
  const ms = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const rows = tools.map(
    ({ name, firstMs, oursMs, tmpfsMs, ratio }) =>
      `| \`${name}\` | ${ms(firstMs)} | ${ms(oursMs)} | ${ms(tmpfsMs)} | ${ratio.toFixed(2)} |`,
  );
  return [
    `${count} announced dumps, medians of ${ROUNDS} runs in turn`,
    '',
    '| program | first run | platdumpfs | tmpfs | ratio |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `events in the log until all are listed: ${ms(listedMs)}`,
    `memory for each known dump: ${Math.round(bytesPerDump)} bytes; whole process ${Math.round(rssBytes / 2 ** 20)} MiB`,
    `firmware calls: ${firmware.calls} in ${firmware.seconds.toFixed(1)} s, ${firmware.perSecond.toFixed(1)} a second`,
  ].join('\n');
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const count = Number(process.argv[2] ?? 10_000);
  const say = (text) => process.stderr.write(`${text}\n`);
  process.stdout.write(`${table(await measureListing({ count, say }))}\n`);
}
