import type { ReactElement } from 'react';
import { _, cockpit } from './cockpit.js';

const WIDTH = 240;
const HEIGHT = 48;

/** The last two minutes as a line. The newest figure stands beside it, and is what a screen reader says. */
export function RatePlot({ rates }: { readonly rates: readonly number[] }): ReactElement {
  const most = Math.max(1, ...rates);
  const step = WIDTH / Math.max(1, rates.length - 1);
  const points = rates.map((rate, index) => `${index * step},${HEIGHT - 2 - (rate / most) * (HEIGHT - 4)}`);
  const now = Math.round(rates.at(-1) ?? 0);
  return (
    <span className="rates">
      <svg
        className="rate-plot"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <polyline points={points.join(' ')} fill="none" stroke="currentColor" strokeWidth="2" />
      </svg>{' '}
      {cockpit.format(_('$0 a second'), now)}
    </span>
  );
}
