import { readFileSync, writeFileSync } from 'node:fs';
import type { Result } from './result.js';

const BEGIN = '<!-- what npm run bench -- --update writes begins here -->';
const END = '<!-- and ends here -->';

export const HEADING = [
  '| case | baseline | ours | baseline | ratio | goal | |',
  '|---|---|--:|--:|--:|--:|---|',
];

/** A line of the table, in Markdown: to be read in a terminal, and to be pasted into docs/performance.md. */
export function row(result: Result): string {
  const { unit, oursMedian, baselineMedian, ratio } = result;
  const cells = [
    result.case,
    result.baseline,
    `${figure(oursMedian)} ${unit}`,
    `${figure(baselineMedian)} ${unit}`,
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

/** Three digits that count. */
function figure(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
