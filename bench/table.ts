import { readFileSync, writeFileSync } from 'node:fs';
import { figure } from './figure.js';
import { describeMachine } from './machine.js';
import type { Report, ReportedRow } from './report.js';

const BEGIN = '<!-- what npm run bench -- --update writes begins here -->';
const END = '<!-- and ends here -->';

export const HEADING = [
  '| case | baseline | ours | baseline | ratio | goal | |',
  '|---|---|--:|--:|--:|--:|---|',
];

/** Machine and table, in Markdown. */
export function tableOf({ machine, quick, rows }: Report): string {
  const kind = quick ? ' (`--quick`)' : '';
  return [`${describeMachine(machine)}${kind}`, '', ...HEADING, ...rows.map(row)].join('\n');
}

/** A line of the table. */
export function row(result: ReportedRow): string {
  const { unit, oursMedian, baselineMedian, ratio } = result;
  const cells = [
    result.case,
    result.baseline,
    `${figure(oursMedian)} ${unit}`.trimEnd(),
    `${figure(baselineMedian)} ${unit}`.trimEnd(),
    ratio === null ? '-' : ratio.toFixed(2),
    result.goal,
    [result.ok ? 'ok' : 'short', ...result.remarks].join('; '),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Puts text between the two lines of a Markdown file that are meant for it. @throws Error when they are not there */
export function updateTable(path: string, text: string): void {
  const old = readFileSync(path, 'utf8');
  const [begin, end] = [old.indexOf(BEGIN), old.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no place for the table`);
  writeFileSync(path, `${old.slice(0, begin)}${BEGIN}\n\n${text}\n\n${old.slice(end)}`);
}
