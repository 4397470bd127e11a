import { isatty } from 'node:tty';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../exit-status.js';
import { endingSignals } from '../hang-up.js';
import { printOut } from '../print.js';

const STDOUT = 1;
const EVERY_MS = 1000;

/** The cursor goes to the upper left, and what is below it goes. */
const CLEAR = '\x1b[H\x1b[J';

type Show = (text: string | undefined) => Promise<void>;

/**
 * Shows a table again whenever it has changed, until a signal ends that: in the place of the old one on a terminal, below an
 * empty line elsewhere.
 *
 * @param look makes the table and shows it @throws what `look` throws
 */
export async function watchTable(look: (show: Show) => Promise<void>): Promise<number> {
  const ending = new AbortController();
  const signals = endingSignals();
  const end = (): void => ending.abort();
  for (const signal of signals) process.on(signal, end);
  let shown: string | undefined;
  const show: Show = async (text) => {
    if (text === undefined || text === shown) return;
    const before = isatty(STDOUT) ? CLEAR : shown === undefined ? '' : '\n';
    shown = text;
    // Whoever reads went away.
    if (!(await printOut(`${before}${text}`))) end();
  };
  try {
    while (!ending.signal.aborted) {
      await look(show);
      await sleep(EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
  return EXIT.done;
}
