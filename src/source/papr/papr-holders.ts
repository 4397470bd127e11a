import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { printable } from '../../base/printable.js';

/** What a handle's descriptor is called in /proc. The tag cannot be seen there. */
const HANDLE_LINK = 'anon_inode:[papr-platform-dump]';

/** Longest command line that a log line quotes, in characters. */
const MAX_NAME_LENGTH = 120;

export interface HandleHolder {
  readonly pid: number;
  /** Its command line: of a program that an interpreter runs, the process name says nothing. */
  readonly name: string;
}

/** Processes that hold handles of the device, as far as /proc shows them. */
export function paprHolders(proc = '/proc'): readonly HandleHolder[] {
  return numbersIn(proc)
    .filter((pid) => numbersIn(`${proc}/${pid}/fd`).some((fd) => isHandle(`${proc}/${pid}/fd/${fd}`)))
    .map((pid) => ({ pid, name: nameOf(`${proc}/${pid}`) }));
}

/** Says who may hold a tag. @param own our own process */
export function describeHolders(holders: readonly HandleHolder[], own: number): string {
  const others = holders.filter(({ pid }) => pid !== own).map(({ pid, name }) => `${name} (pid ${pid})`);
  const [only, ...more] = others;
  if (only === undefined)
    return holders.length > 0
      ? 'this process itself has it open'
      : 'some process that cannot be seen from here has it open';
  return more.length === 0 ? `${only} has it open` : `one of these has it open: ${others.join(', ')}`;
}

function isHandle(link: string): boolean {
  try {
    return readlinkSync(link) === HANDLE_LINK;
  } catch {
    return false; // closed meanwhile
  }
}

/** Processes end while they are looked at, and some show their descriptors to nobody. */
function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function nameOf(directory: string): string {
  try {
    const words = readFileSync(`${directory}/cmdline`, 'utf8').split('\0').join(' ').trim();
    if (words !== '') return printable(words).slice(0, MAX_NAME_LENGTH);
    return printable(readFileSync(`${directory}/comm`, 'utf8').trim());
  } catch {
    return 'a process';
  }
}
