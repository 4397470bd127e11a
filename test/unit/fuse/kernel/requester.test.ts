import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { lookAtRequester, requesterIn } from '../../../../src/fuse/kernel/requester.js';

type Signals = readonly NodeJS.Signals[];

interface Task {
  readonly state?: string;
  /** For this thread alone. */
  readonly own?: Signals;
  /** For the whole process. */
  readonly shared?: Signals;
  readonly blocked?: Signals;
  readonly ignored?: Signals;
  readonly handled?: Signals;
}

/** As the kernel writes it, as far as signals go. */
function statusOf({ state = 'D (disk sleep)', own, shared, blocked, ignored, handled }: Task): string {
  const mask = (signals: Signals = []): string => {
    const bits = signals.map((name) => 1n << BigInt(constants.signals[name] - 1));
    return bits
      .reduce((sum, bit) => sum | bit, 0n)
      .toString(16)
      .padStart(16, '0');
  };
  return [
    'Name:\tState:\tR SigPnd:\tffffffffffffffff',
    'Umask:\t0022',
    `State:\t${state}`,
    'SigQ:\t0/15000',
    `SigPnd:\t${mask(own)}`,
    `ShdPnd:\t${mask(shared)}`,
    `SigBlk:\t${mask(blocked)}`,
    `SigIgn:\t${mask(ignored)}`,
    `SigCgt:\t${mask(handled)}`,
    '',
  ].join('\n');
}

describe('requesterIn', () => {
  test.each<Task>([
    // What kill(2) makes of a signal that ends a program, for each of its threads.
    { own: ['SIGKILL'] },
    // A process with one thread that has a signal pending already keeps the next one as it is.
    ...(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGALRM', 'SIGPIPE', 'SIGPROF'] as const).map(
      (name) => ({ shared: [name] }),
    ),
    { own: ['SIGSEGV'] },
    // Handled: those that are sent to have a program end.
    ...(['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGABRT', 'SIGXCPU'] as const).map((name) => ({
      shared: [name],
      handled: [name],
    })),
    { own: ['SIGINT'], handled: ['SIGINT'] },
    { shared: ['SIGCHLD', 'SIGTERM'], handled: ['SIGCHLD', 'SIGTERM'] },
    { own: ['SIGKILL'], state: 'R (running)' },
  ])('%j: leaving', (task) => {
    expect(requesterIn(statusOf(task))).toBe('leaving');
  });

  test.each<Task>([
    // Control groups that are thawed, tracers that attach, io_uring that wants something.
    {},
    ...(
      ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGCHLD', 'SIGURG', 'SIGWINCH'] as const
    ).map((name) => ({ shared: [name] })),
    ...(['SIGCHLD', 'SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGUSR1', 'SIGUSR2', 'SIGURG', 'SIGIO'] as const).map(
      (name) => ({ shared: [name], handled: [name] }),
    ),
    { shared: ['SIGTSTP'], handled: ['SIGTSTP'] },
    { shared: ['SIGINT'], ignored: ['SIGINT'] },
    { own: ['SIGTERM'], blocked: ['SIGTERM'] },
    { shared: ['SIGTERM'], blocked: ['SIGTERM'], handled: ['SIGTERM'] },
  ])('%j: waiting', (task) => {
    expect(requesterIn(statusOf(task))).toBe('waiting');
  });

  test.each(['R (running)', 'S (sleeping)', 'Z (zombie)'])('in state %s: awake', (state) => {
    expect(requesterIn(statusOf({ state, shared: ['SIGCHLD'], handled: ['SIGCHLD'] }))).toBe('awake');
  });
});

describe('lookAtRequester', () => {
  test('of no task of ours is unseen', () => {
    expect(lookAtRequester(0)).toBe('unseen');
    expect(lookAtRequester(2 ** 31 - 1)).toBe('unseen');
  });

  test('of a thread that is on its way is awake', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    try {
      expect(lookAtRequester(child.pid!)).toBe('awake');
    } finally {
      child.kill('SIGKILL');
    }
  });
});
