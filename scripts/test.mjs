#!/usr/bin/env node
// npm test: installs and builds what is needed, then runs every test. Arguments go to vitest.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, installDependencies, installPackages, root, say } from './setup.mjs';

/** Programs and libraries that tests run. */
const PACKAGES = 'mount util-linux procps tar attr rsync fio strace python3 fuse3 libfuse2'.split(' ');

installDependencies();
const missing = installPackages(PACKAGES);
if (missing.length > 0)
  say(`tests that need ${missing.join(', ')} will fail; as root: apt-get install ${missing.join(' ')}`);
build();

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('close', (status) => {
  process.exitCode = status ?? 1;
});
