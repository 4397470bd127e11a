import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchCase, Scale } from './case.js';
import { CASES } from './cases.js';
import { clearAll } from './leftovers.js';
import { describeMachine, thisMachine } from './machine.js';
import { plotOf } from './plot.js';
import type { Report } from './report.js';
import { reportOf } from './report.js';
import type { Result } from './result.js';
import { resultOf, verdictOf } from './result.js';
import { HEADING, row, tableOf, updateTable } from './table.js';

const HELP = `Usage: npm run bench -- [--quick] [--case NAME] [--json FILE] [--update] [--draw] [--list]

  --quick       fewer and shorter runs: all cases in a few minutes
  --case NAME   only cases whose name contains NAME; repeatable
  --json FILE   an array of {case, baseline, ratio, goal, ok}; every figure goes to FILE.raw
                (bench/raw.json without this option)
  --update      writes what was measured to bench/results.json, and from it the table of bench/NOTES.md and the plot
                docs/performance.svg
  --draw        the same from bench/results.json as it is; measures nothing
  --list        the names of the cases

Prints a table in Markdown. Exit status 0 when everything could be measured, whether or not goals are met.
`;
const BENCH = fileURLToPath(new URL('../../', import.meta.url));
const RAW = join(BENCH, 'raw.json');
const RESULTS = join(BENCH, 'results.json');
const NOTES = join(BENCH, 'NOTES.md');
const PLOT = join(BENCH, '..', 'docs', 'performance.svg');
const QUICK: Scale = { quick: true, pairs: 3 };
const FULL: Scale = { quick: false, pairs: 7 };

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [''] },
    json: { type: 'string' },
    update: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  say(HELP.trimEnd());
} else if (options.draw) {
  draw();
} else {
  const cases = chosen(options.case);
  if (options.list) say(cases.map(({ name }) => name).join('\n'));
  else process.exit(await measure(cases));
}

function chosen(names: readonly string[]): readonly BenchCase[] {
  const cases = CASES.filter(({ name }) => names.some((part) => name.includes(part)));
  if (cases.length > 0) return cases;
  process.stderr.write(`no case is named ${names.join(' or ')}: see --list\n`);
  process.exit(2);
}

async function measure(cases: readonly BenchCase[]): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void clearAll().then(() => process.exit(1)));
  const machine = thisMachine();
  say(`${describeMachine(machine)}\n`);
  say(HEADING.join('\n'));
  const results: Result[] = [];
  const begun = performance.now();
  for (const bench of cases) {
    const result = await resultOf(bench, options.quick ? QUICK : FULL);
    results.push(result);
    say(row(result));
  }
  await clearAll();
  say(`\n${Math.round((performance.now() - begun) / 1000)} s`);
  if (options.update) {
    write(RESULTS, reportOf(machine, options.quick, results));
    draw();
  }
  if (options.json !== undefined) write(options.json, results.map(verdictOf));
  write(options.json === undefined ? RAW : `${options.json}.raw`, { machine, quick: options.quick, results });
  return results.some(({ ratio }) => ratio === null) ? 1 : 0;
}

/** What is drawn and what is listed stands in one file. */
function draw(): void {
  const report = JSON.parse(readFileSync(RESULTS, 'utf8')) as Report;
  updateTable(NOTES, tableOf(report));
  writeFileSync(PLOT, plotOf(report));
}

function write(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
