#!/usr/bin/env node
// npm start: builds what is needed and mounts the simulated hypervisor's dumps until Ctrl-C.
// Arguments go to `platdumpfs mount`: npm start -- --sim-latency-us 200
import { spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies, installPackages, root, say } from './setup.mjs';

installDependencies();
const missing = installPackages(['mount']);
if (missing.length > 0) say(`missing: ${missing.join(', ')}; install it as root`);
build();

const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-'));
const program = join(root, 'bin', 'platdumpfs');
const child = spawn(
  process.execPath,
  [program, 'mount', '--source', 'sim', '--log-format', 'text', ...process.argv.slice(2), directory],
  {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // As src/cli/mount/parent.ts reads it: we are told when the mount is usable.
    env: { ...process.env, PLATDUMPFS_PARENT: JSON.stringify({ logFormat: 'text' }) },
  },
);

// Ctrl-C reaches the whole group, and npm passes it on once more. The daemon unmounts; we wait for it.
// It minds no terminal that goes away; this one is for trying things out at a terminal.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
process.on('SIGHUP', () => child.kill('SIGTERM'));
child.once('message', () => process.stdout.write(guide(directory)));
child.once('close', (status) => {
  removeDirectory();
  process.exitCode = status ?? 1;
});

/** Left where it is when something is in it: a mount that could not be undone, somebody's files. */
function removeDirectory() {
  try {
    rmdirSync(directory);
  } catch (error) {
    say(`${directory} is left behind (${error.code})`);
  }
}

function guide(dir) {
  const dump = `${dir}/0x0000000300000001`;
  return `
Simulated platform dumps are mounted at ${dir}
In another terminal:

  ls -l ${dir}
  rm ${dump}                        # refused: nobody has read it yet
  cp ${dump} /tmp/saved.dump        # any tool, any offset, any number of readers
  rm ${dump}                        # now the simulated firmware forgets it
  getfattr -d ${dir}/0x0000000200000001   # what is known about a dump (package attr)
  ${program} list

Ctrl-C here, or umount ${dir}, ends it.

`;
}
