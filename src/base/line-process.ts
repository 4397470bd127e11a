import { readSync, writeSync } from 'node:fs';
import type { WithLost } from './line-file.js';
import { LineFile } from './line-file.js';
import type { LineReport } from './line-protocol.js';
import { ORDER } from './line-protocol.js';

const READ_BYTES = 64 * 1024;

/** What the process of a `LineWriter` does. It ends with its standard input, when it has written what is there. */
export function writeLines(path: string, withLost: WithLost): void {
  // They are meant for the daemon, which ends this process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.on(signal, () => undefined);
  const file = openFile(path, withLost);
  if (file === undefined) return;
  report({ op: 'ready' });
  carryOutAll(file);
}

function openFile(path: string, withLost: WithLost): LineFile | undefined {
  try {
    return new LineFile(path, withLost, {
      onTrouble: (reason) => report({ op: 'trouble', reason }),
      onRecovery: (lost) => report({ op: 'recovery', lost }),
    });
  } catch (error) {
    report({ op: 'failed', reason: (error as Error).message });
    return undefined;
  }
}

function carryOutAll(file: LineFile): void {
  const buffer = Buffer.alloc(READ_BYTES);
  let rest = '';
  for (let bytes = readSync(0, buffer); bytes > 0; bytes = readSync(0, buffer)) {
    // Bytes go through as they are, also where a character has several.
    const orders = (rest + buffer.toString('latin1', 0, bytes)).split('\n');
    rest = orders.pop() ?? '';
    for (const order of orders) carryOut(file, order);
  }
}

function carryOut(file: LineFile, order: string): void {
  const argument = order.slice(1);
  if (order.startsWith(ORDER.append)) file.append(argument);
  else if (order.startsWith(ORDER.lost)) file.addLost(Number(argument));
  else if (order.startsWith(ORDER.reopen)) reopen(file);
  else report({ op: 'settled' });
}

function reopen(file: LineFile): void {
  try {
    file.reopen();
  } catch (error) {
    report({ op: 'not-reopened', reason: (error as Error).message });
  }
}

function report(what: LineReport): void {
  try {
    writeSync(1, `${JSON.stringify(what)}\n`);
  } catch {
    // The daemon is gone: what it left is written all the same.
  }
}
