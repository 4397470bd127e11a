import { expect, test } from 'vitest';
import { CASES } from '../../bench/cases.js';
import { goalText } from '../../bench/case.js';
import { plotOf } from '../../bench/plot.js';
import type { ReportedRow } from '../../bench/report.js';
import { tableOf } from '../../bench/table.js';

const machine = { processors: '2 x test', memoryGib: 1, kernel: '6.1', node: 'v20', load: 0 };

function rowOf(name: string, ratio: number | null): ReportedRow {
  const bench = CASES.find((one) => one.name === name)!;
  const { baseline, goal, unit } = bench;
  const median = ratio === null ? null : 50;
  const figures = { oursMedian: median, baselineMedian: median, ratio };
  return { case: name, baseline, unit, goal: goalText(goal), ok: true, remarks: ['a remark'], ...figures };
}

const rows = CASES.map(({ name }) => rowOf(name, 0.5));

test('plotOf draws every case with its figures', () => {
  const svg = plotOf({ machine, quick: false, rows });
  expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
  for (const { name } of CASES) expect(svg).toContain(`>${name}<`);
  expect(svg.match(/>50 : 50/g)).toHaveLength(CASES.length);
});

test('plotOf leaves out what could not be measured; tableOf says why', () => {
  const name = 'ready after start';
  const report = { machine, quick: true, rows: [rowOf(name, null), rowOf('second read, pages kept', 1)] };
  expect(plotOf(report)).not.toContain(name);
  expect(tableOf(report)).toMatch(new RegExp(`^\\| ${name} \\| .* \\| - \\| .*a remark \\|$`, 'm'));
});

/** To the right is better: a ratio of 2 is good news for a rate, bad news for a time. */
test.each([
  { name: 'second read, pages kept', ratio: 2, better: true },
  { name: 'ready after start', ratio: 2, better: false },
  { name: '1 reader, in any order', ratio: 2, better: false },
  { name: 'processor time of a cold cp, call 20 us, spool on', ratio: 2, better: false },
])('plotOf turns the ratio of "$name" to where it belongs', ({ name, ratio, better }) => {
  const at = (value: number): number =>
    xOfPoint(plotOf({ machine, quick: false, rows: [rowOf(name, value)] }));
  expect(at(ratio) > at(1)).toBe(better);
});

/** The coloured point of the only row. */
function xOfPoint(svg: string): number {
  const [, x] =
    /transform="matrix\([\d.]+,0,0,[\d.]+,([\d.]+),[\d.]+\)"[^>]*fill="#(?:2a7f62|8a8a8a)"/.exec(svg) ?? [];
  return Number(x);
}
