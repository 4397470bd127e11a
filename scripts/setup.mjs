// What `npm start` and `npm test` need before they can do their work, from a clean clone on.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(new URL('..', import.meta.url)));

/** Says what goes on without mixing with the output of programs. */
export function say(message) {
  process.stderr.write(`platdumpfs: ${message}\n`);
}

/** Ends with one line instead of a stack. */
export function fail(message) {
  say(message);
  process.exit(1);
}

/** Runs a program in the project directory; its output is shown only when it fails. */
function runQuietly(program, args, env = {}) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2, env: { ...process.env, ...env } };
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  return { ok: status === 0, output: error ? error.message : `${stdout}${stderr}` };
}

/** `npm ci` where node_modules is missing or older than the lock file. */
export function installDependencies(directory = root, lockFile = 'npm-shrinkwrap.json') {
  const installed = modifiedMs(join(directory, 'node_modules', '.package-lock.json'));
  if (installed >= modifiedMs(join(directory, lockFile))) return;
  say('installing dependencies (npm ci)');
  const { ok, output } = runQuietly('npm', ['ci', '--no-audit', '--no-fund', '--prefix', directory]);
  if (!ok) fail(`npm ci failed:\n${output}`);
}

/** The CSI driver is a package of its own. */
export const csi = join(root, 'csi');
export function installCsiDependencies() {
  installDependencies(csi, 'package-lock.json');
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** Makes dist/ from src/; the compiler skips what has not changed. */
export function build() {
  const { ok, output } = runQuietly(process.execPath, [join(root, 'scripts', 'build.mjs')]);
  if (!ok) fail(`compiling failed:\n${output}`);
}

/** Debian package by what it brings: a command, a shared library, or a file. */
const PACKAGES = {
  mount: { command: 'mount' },
  'util-linux': { command: 'findmnt' },
  fuse3: { command: 'fusermount3' },
  libfuse2: { library: 'libfuse.so.2' },
  rsync: { command: 'rsync' },
  fio: { command: 'fio' },
  attr: { command: 'getfattr' },
  tar: { command: 'tar' },
  procps: { command: 'ps' },
  python3: { command: 'python3' },
  strace: { command: 'strace' },
  gcc: { command: 'gcc' },
  'libc6-dev': { file: '/usr/include/stdio.h' },
  'pkg-config': { command: 'pkg-config' },
  dpkg: { command: 'dpkg-deb' },
  rpm: { command: 'rpmbuild' },
  podman: { command: 'podman' },
  mmdebstrap: { command: 'mmdebstrap' },
  e2fsprogs: { command: 'mkfs.ext4' },
  libfaketime: { file: `/usr/lib/${multiarch()}/faketime/libfaketimeMT.so.1` },
  restic: { command: 'restic' },
  borgbackup: { command: 'borg' },
  rclone: { command: 'rclone' },
  gocryptfs: { command: 'gocryptfs' },
  'libfuse3-dev': { file: '/usr/include/fuse3/fuse_lowlevel.h' },
};

/** Directory of Debian's for libraries of this architecture. */
function multiarch() {
  return `${{ x64: 'x86_64', ppc64: 'powerpc64le', arm64: 'aarch64' }[process.arch] ?? process.arch}-linux-gnu`;
}

/**
 * Installs Debian packages where something they bring is missing and we are root there.
 *
 * @returns {string[]} packages that are still missing
 */
export function installPackages(names) {
  const missing = names.filter((name) => !isThere(PACKAGES[name]));
  if (missing.length === 0) return [];
  if (process.getuid() !== 0 || findCommand('apt-get') === undefined) return missing;
  say(`installing ${missing.join(', ')} (apt-get)`);
  const install = () =>
    runQuietly('apt-get', ['install', '-y', '--no-install-recommends', ...missing], {
      DEBIAN_FRONTEND: 'noninteractive',
    });
  // A fresh container has no package lists.
  if (!install().ok) {
    runQuietly('apt-get', ['update']);
    const { ok, output } = install();
    if (!ok) say(`apt-get install failed:\n${output}`);
  }
  return missing.filter((name) => !isThere(PACKAGES[name]));
}

function isThere({ command, library, file }) {
  if (file !== undefined) return existsSync(file);
  if (command !== undefined) return findCommand(command) !== undefined;
  const ldconfig = findCommand('ldconfig');
  return ldconfig !== undefined && runQuietly(ldconfig, ['-p']).output.includes(`${library} `);
}

function findCommand(name) {
  // Where administrators' programs are: not in every user's PATH.
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}
