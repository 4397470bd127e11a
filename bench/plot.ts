import * as echarts from 'echarts';
import { figure } from './figure.js';
import { describeMachine } from './machine.js';
import type { Report, ReportedRow } from './report.js';

const WIDTH = 1000;
const ROW_HEIGHT = 24;
const ABOVE = 70;
const BELOW = 60;
const FONT = 'sans-serif';
const COLOURS = { ok: '#2a7f62', short: '#c8553d', reported: '#8a8a8a', goal: '#555555', line: '#dddddd' };
/** Ratios beyond are drawn at the edge; what they are stands beside them. */
const [LEAST, MOST] = [1 / 16, 4];

/**
 * Every row as a point: how much better than its anchor. To the right is better for all of them, so where less is better
 * (time, memory, calls) the ratio is turned over. A bar says where the goal is.
 *
 * @returns an SVG document
 */
export function plotOf({ machine, rows }: Report): string {
  const shown = rows.filter(({ ratio }) => ratio !== null);
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: ABOVE + ROW_HEIGHT * shown.length + BELOW,
  });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT },
    title: {
      text: 'platdumpfs beside what does the same without it',
      subtext: describeMachine(machine),
      left: 'center',
      textStyle: { fontSize: 16, fontWeight: 'normal' },
    },
    grid: { left: 400, right: 170, top: ABOVE, bottom: BELOW },
    yAxis: {
      type: 'category',
      inverse: true,
      data: shown.map((row) => row.case),
      axisTick: { show: false },
      axisLabel: { color: '#222222', width: 390, overflow: 'truncate' },
      splitLine: { show: true, lineStyle: { color: COLOURS.line } },
    },
    xAxis: {
      type: 'log',
      logBase: 2,
      min: LEAST,
      max: MOST,
      name: 'worse  <  as good as the anchor  >  better',
      nameLocation: 'middle',
      nameGap: 32,
      axisLabel: { formatter: (value: number) => (value < 1 ? `1/${Math.round(1 / value)}` : String(value)) },
    },
    series: [
      {
        type: 'scatter',
        symbol: 'rect',
        symbolSize: [4, 16],
        itemStyle: { color: COLOURS.goal },
        data: shown.flatMap((row, index) => {
          const goal = goalOf(row);
          return goal === undefined ? [] : [[within(goal), index]];
        }),
      },
      {
        type: 'scatter',
        symbolSize: 11,
        data: shown.map((row, index) => ({
          value: [within(goodness(row)), index],
          itemStyle: { color: colourOf(row) },
        })),
      },
    ],
    graphic: shown.map((row, index) => ({
      type: 'text',
      left: WIDTH - 160,
      top: ABOVE + ROW_HEIGHT * (index + 0.5) - 6,
      style: { text: figures(row), fontSize: 12, fill: '#222222', fontFamily: FONT },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function figures({ oursMedian, baselineMedian, unit }: ReportedRow): string {
  return `${figure(oursMedian)} : ${figure(baselineMedian)} ${unit}`;
}

/** What a user wants less of. */
const COSTS = new Set(['ms', 'calls', 'MiB', 's/GiB']);

function isLessBetter({ unit }: ReportedRow): boolean {
  return COSTS.has(unit);
}

function colourOf({ goal, ok }: ReportedRow): string {
  if (goal === 'reported') return COLOURS.reported;
  return ok ? COLOURS.ok : COLOURS.short;
}

function goodness(row: ReportedRow): number {
  const ratio = row.ratio ?? NaN;
  return isLessBetter(row) ? 1 / ratio : ratio;
}

function goalOf(row: ReportedRow): number | undefined {
  const asked = Number(/[\d.]+$/.exec(row.goal)?.[0]);
  if (Number.isNaN(asked)) return undefined;
  return isLessBetter(row) ? 1 / asked : asked;
}

function within(value: number): number {
  return Math.min(Math.max(value, LEAST), MOST);
}
