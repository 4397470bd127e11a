#!/usr/bin/env node
// npm run bench: installs and builds what is needed, then measures. See docs/performance.md; arguments: --help.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, fail, installDependencies, installPackages, root, say } from '../scripts/setup.mjs';

/** Programs that are measured with, and what the C server is compiled with. */
const PACKAGES = 'mount util-linux rsync fuse3 gcc libc6-dev pkg-config libfuse3-dev gocryptfs'.split(' ');

const args = process.argv.slice(2);
const onlyTalks = args.some((arg) => ['--help', '--list', '--draw'].includes(arg));

installDependencies();
if (!onlyTalks) {
  const missing = installPackages(PACKAGES);
  if (missing.length > 0) say(`cases that need ${missing.join(', ')} cannot be measured; install it as root`);
  build();
}
compileBenchmarks();

const main = join(root, 'bench', '.build', 'bench', 'main.js');
// Many readers at once: each keeps a thread of the pool in its system call.
const env = { ...process.env, UV_THREADPOOL_SIZE: '64' };
const child = spawn(process.execPath, [main, ...args], { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('close', (status) => {
  process.exitCode = status ?? 1;
});

function compileBenchmarks() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', join(root, 'bench')], {
    encoding: 'utf8',
  });
  if (status !== 0) fail(`compiling the benchmarks failed:\n${stdout}`);
}
