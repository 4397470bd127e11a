import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'rtas_errd';

/** What rtas_errd runs for each dump that firmware announces. @see ppc64-diag rtas_errd/dump.c */
const EXTRACTOR = 'usr/sbin/extract_platdump';

/** In the text of the program that we ship in its place. */
const OUR_MARK = 'extract_platdump of platdumpfs';

/** Gives rtas_errd.service, and nobody else, our program under the original's path. */
const OUR_DROP_IN = 'etc/systemd/system/rtas_errd.service.d/platdumpfs.conf';

export interface RtasErrd {
  readonly isRunning: boolean;
  /** Running, or installed and thus likely to be started. */
  readonly isThere: boolean;
  /** The program that it runs for an announced dump. `original` copies the dump and destroys it in firmware. */
  readonly extractor: 'none' | 'ours' | 'original';
}

/**
 * Looks at the daemon that reads the kernel's event log and leaves nothing in it for others. Reads a small file per
 * process, so it is for start-up.
 *
 * @see proc(5) for comm; names of up to 15 characters are whole there
 */
export function lookAtRtasErrd(root = '/'): RtasErrd {
  const [pid] = processesNamed(NAME, root);
  const isRunning = pid !== undefined;
  return {
    isRunning,
    isThere: isRunning || existsSync(join(root, 'usr/sbin', NAME)),
    extractor: extractorOf(pid, root),
  };
}

/** Why dumps will be destroyed in firmware, and what to do; undefined where they will not. */
export function extractorWarning({ isRunning, isThere, extractor }: RtasErrd): string | undefined {
  if (!isThere || extractor !== 'original') return undefined;
  return (
    `rtas_errd ${isRunning ? 'runs' : 'is installed'}, and its /${EXTRACTOR} destroys each announced dump in firmware: ` +
    'put ours in its place with packaging/extract_platdump/install.sh'
  );
}

/** @param name of up to 15 characters */
export function processesNamed(name: string, root = '/'): readonly string[] {
  const proc = join(root, 'proc');
  return processes(proc).filter((pid) => commandOf(join(proc, pid, 'comm')) === name);
}

/** A running rtas_errd may see other files than we do: that is how ours is put in place where packages own the path. */
function extractorOf(pid: string | undefined, root: string): RtasErrd['extractor'] {
  const seen = pid === undefined ? undefined : programAt(join(root, 'proc', pid, 'root', EXTRACTOR));
  if (seen !== undefined) return seen;
  if (existsSync(join(root, OUR_DROP_IN))) return 'ours';
  return programAt(join(root, EXTRACTOR)) ?? 'none';
}

/** @returns undefined where nothing can be run, or nobody may look */
function programAt(path: string): 'ours' | 'original' | undefined {
  try {
    accessSync(path, constants.X_OK);
    return readFileSync(path, 'latin1').includes(OUR_MARK) ? 'ours' : 'original';
  } catch {
    return undefined;
  }
}

function processes(proc: string): readonly string[] {
  try {
    return readdirSync(proc).filter((name) => /^\d+$/.test(name));
  } catch {
    // Without /proc nobody can say; a log that exists is followed all the same.
    return [];
  }
}

function commandOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    // The process has ended meanwhile.
    return undefined;
  }
}
