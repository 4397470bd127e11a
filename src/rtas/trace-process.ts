import { readSync, writeSync } from 'node:fs';
import { argv } from 'node:process';
import { TraceFile } from './trace-file.js';
import type { TraceReport } from './trace-protocol.js';
import { ORDER } from './trace-protocol.js';

// Entry of the process that writes a trace. It ends with its standard input, when it has written what is there.

const READ_BYTES = 64 * 1024;

// They are meant for the daemon, which ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined);

const file = openFile(argv[2] ?? '');
if (file !== undefined) {
  report({ op: 'ready' });
  carryOutAll(file);
}

function openFile(path: string): TraceFile | undefined {
  try {
    return new TraceFile(path, {
      onTrouble: (reason) => report({ op: 'trouble', reason }),
      onRecovery: (lost) => report({ op: 'recovery', lost }),
    });
  } catch (error) {
    report({ op: 'failed', reason: (error as Error).message });
    return undefined;
  }
}

function carryOutAll(file: TraceFile): void {
  const buffer = Buffer.alloc(READ_BYTES);
  let rest = '';
  for (let bytes = readSync(0, buffer); bytes > 0; bytes = readSync(0, buffer)) {
    // A trace has no character but ASCII.
    const orders = (rest + buffer.toString('latin1', 0, bytes)).split('\n');
    rest = orders.pop() ?? '';
    for (const order of orders) carryOut(file, order);
  }
}

function carryOut(file: TraceFile, order: string): void {
  const argument = order.slice(1);
  if (order.startsWith(ORDER.append)) file.append(argument);
  else if (order.startsWith(ORDER.lost)) file.addLost(Number(argument));
  else report({ op: 'settled' });
}

function report(what: TraceReport): void {
  try {
    writeSync(1, `${JSON.stringify(what)}\n`);
  } catch {
    // The daemon is gone: what it left is written all the same.
  }
}
