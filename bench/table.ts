import type { Result } from './result.js';

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

/** Three digits that count. */
function figure(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
