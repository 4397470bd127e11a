import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadKoffi } from '../../src/base/koffi.js';
import { Daemon, KERNEL, Mounted, until } from '../support/mounted.js';

const NAMESPACES = ['--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
const why = whyNot();

function whyNot(): string | undefined {
  try {
    loadKoffi();
  } catch (error) {
    return (error as Error).message;
  }
  return spawnSync('unshare', [...NAMESPACES, 'true']).status === 0 ? undefined : 'no pid namespaces here';
}

/** Numbers of the processes whose parent is `pid`, and the state of each. */
function childrenOf(pid: number): { readonly pid: number; readonly state: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    const [, state = '', parent] = /^\d+ \(.*\) (\S) (\d+) /s.exec(statOf(name)) ?? [];
    return Number(parent) === pid ? [{ pid: Number(name), state }] : [];
  });
}

function statOf(name: string): string {
  try {
    return readFileSync(`/proc/${name}/stat`, 'latin1');
  } catch {
    return '';
  }
}

describe.skipIf(why !== undefined)(
  why === undefined ? 'the daemon as PID 1' : `the daemon as PID 1 (skipped: ${why})`,
  () => {
    test('collects what it has inherited, and ends on SIGTERM with status 0', async () => {
      await using mounted = new Mounted(KERNEL);
      const command = [...NAMESPACES, process.execPath, ...mounted.command()];
      const daemon = new Daemon(command, mounted.directory, { command: 'unshare' });
      try {
        await daemon.said('mounted');
        const [first] = childrenOf(daemon.child.pid!);
        const pid = first!.pid;
        // The shell ends first, and PID 1 becomes the parent of what it has started.
        const inNamespace = ['-t', String(pid), '-p', '-m', '--'];
        const started = spawnSync('nsenter', [...inNamespace, 'sh', '-c', 'sleep 0.2 & sleep 0.2 & exit 0']);
        expect(started.status).toBe(0);
        const zombies = (): number => childrenOf(pid).filter(({ state }) => state === 'Z').length;
        await until('they have ended', () => zombies() === 2);
        await until('they are collected', () => zombies() === 0);
        process.kill(pid, 'SIGTERM');
        expect(await daemon.exit()).toBe(0);
      } finally {
        if (daemon.running) daemon.child.kill('SIGKILL');
      }
    });
  },
);
