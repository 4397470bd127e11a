import { readdirSync, readFileSync } from 'node:fs';
import { loadKoffi } from '../../base/koffi.js';

/** A process that has ended is collected when two looks in a row have found it. */
const LOOK_MS = 5000;

const WNOHANG = 1;

/**
 * Collects processes that this one has inherited as PID 1 of a container: what a shell of `docker exec` leaves behind would
 * stay as a zombie, and count against the limit of processes. Does nothing where this is not PID 1, or without koffi.
 *
 * Children of our own are left to Node, which collects them in the same turn of the event loop: one that is still there
 * seconds later is not ours, and Node would never hear of one that somebody else has collected.
 */
export function collectOrphans(pid = process.pid, lookMs = LOOK_MS): Disposable {
  const collect = pid === 1 ? waitpid() : undefined;
  if (collect === undefined) return { [Symbol.dispose]: () => undefined };
  let before: ReadonlySet<string> = new Set();
  const timer = setInterval(() => {
    const now = new Map(endedChildren(pid).map((child) => [child.key, child.pid]));
    for (const [key, child] of now) if (before.has(key)) collect(child);
    before = new Set(now.keys());
  }, lookMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function waitpid(): ((pid: number) => void) | undefined {
  try {
    const call = loadKoffi().load('libc.so.6').func('waitpid', 'int', ['int', 'void *', 'int']);
    return (pid) => void call(pid, null, WNOHANG);
  } catch {
    return undefined;
  }
}

interface EndedChild {
  readonly pid: number;
  /** Differs for another process that gets the same number. */
  readonly key: string;
}

function endedChildren(parent: number): EndedChild[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => endedChild(statOf(name), parent) ?? []);
}

/** @param stat text of /proc/PID/stat. @see proc_pid_stat(5) @returns undefined: it runs, or has another parent */
export function endedChild(stat: string, parent: number): EndedChild | undefined {
  // The name, in brackets, may hold anything: fields are counted from behind its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ppid] = fields;
  const pid = Number.parseInt(stat, 10);
  if (state !== 'Z' || Number(ppid) !== parent) return undefined;
  return { pid, key: `${pid} ${fields[19]}` };
}

function statOf(name: string): string {
  try {
    return readFileSync(`/proc/${name}/stat`, 'latin1');
  } catch {
    return '';
  }
}
