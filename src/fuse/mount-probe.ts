import { spawn } from 'node:child_process';

/** What a mounted FUSE filesystem says for itself; `stale`: its daemon is gone. */
export type MountState = 'alive' | 'stale' | 'unresponsive';

const DEAD_CODES = new Set(['ENOTCONN', 'ECONNABORTED', 'ECONNREFUSED']);

// statfs(2) always asks the daemon, stat(2) may be answered from the kernel's cache; but a user whom the daemon does
// not serve gets a made-up statfs answer, and only stat says no.
const SCRIPT = `const fs = require('node:fs');
try { fs.statfsSync(process.argv[1]); fs.statSync(process.argv[1]); process.stdout.write('OK'); }
catch (error) { process.stdout.write(error.code); }`;

/**
 * Asks what is mounted at `mountpoint` whether somebody serves it.
 *
 * In a process of its own: a daemon that hangs would keep one of this process's few file system threads for ever.
 *
 * @param timeoutMs After this long without an answer the mount is `unresponsive`; the child is left to its fate.
 */
export async function probeMount(mountpoint: string, timeoutMs = 5000): Promise<MountState> {
  const code = await errorCodeOf(mountpoint, timeoutMs);
  if (code === undefined) return 'unresponsive';
  return DEAD_CODES.has(code) ? 'stale' : 'alive';
}

function errorCodeOf(mountpoint: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', SCRIPT, mountpoint], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let code = '';
    const finish = (answer: string | undefined): void => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.unref();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      finish(undefined);
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => (code += chunk.toString()));
    child.on('error', reject);
    child.on('close', () => finish(code));
  });
}
