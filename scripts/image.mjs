#!/usr/bin/env node
// npm run image: the container image, from the same files as the packages.
//
//   npm run image [-- --arch x64|ppc64] [--base IMAGE] [--tag NAME]
//
// Without --base, a small Debian with Node.js is made first (mmdebstrap; root, Debian's mirror), without what a daemon
// never loads. With podman; ppc64 on another machine needs qemu-user (binfmt_misc).
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  csi,
  fail,
  installCsiDependencies,
  installDependencies,
  installPackages,
  root,
  say,
} from './setup.mjs';

const ARCHITECTURES = {
  x64: { deb: 'amd64', oci: 'amd64', suite: 'trixie' },
  ppc64: { deb: 'ppc64el', oci: 'ppc64le', suite: 'forky' },
};

/** In the smallest variant of mmdebstrap, nothing comes that is not named here or needed by it. */
const BASE_PACKAGES = 'nodejs,mount,dash,coreutils,base-files,base-passwd,libc-bin';

/** Most of a Debian that a daemon never loads; licences stay. */
const LEFT_OUT = [
  '/usr/share/locale/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/nodejs/corepack/*',
  '/usr/lib/*/gconv/*',
  '/usr/share/bash-completion/*',
];

const { values: options } = parseArgs({
  options: {
    arch: { type: 'string', default: process.arch },
    base: { type: 'string' },
    tag: { type: 'string', default: 'localhost/platdumpfs' },
  },
});
const arch =
  ARCHITECTURES[options.arch] ??
  fail(`unknown --arch ${options.arch}: expected ${Object.keys(ARCHITECTURES).join(', ')}`);
const missing = installPackages(['podman', 'mmdebstrap']);
if (missing.length > 0)
  fail(`${missing.join(', ')} is missing; as root: apt-get install ${missing.join(' ')}`);

installDependencies();
installCsiDependencies();
const work = mkdtempSync(join(tmpdir(), 'platdumpfs-image-'));
try {
  const base = options.base ?? makeBase();
  const [deb] = makeDeb();
  run('dpkg-deb', ['-x', deb, join(work, 'tree')]);
  const context = join(work, 'context');
  mkdirSync(context);
  run('cp', ['-a', join(work, 'tree/usr/lib/platdumpfs'), join(context, 'program')]);
  run(process.execPath, [join(csi, 'build.mjs')]);
  const driver = join(context, 'program/csi');
  mkdirSync(driver);
  for (const part of ['dist', 'proto']) run('cp', ['-a', join(csi, part), driver]);
  const file = join(root, 'packaging/container/Containerfile');
  podman([
    'build',
    '--pull=never',
    `--arch=${arch.oci}`,
    '--isolation=chroot',
    `--build-arg=BASE=${base}`,
    '-t',
    options.tag,
    '-f',
    file,
    context,
  ]);
  const [{ Size: size }] = JSON.parse(podman(['image', 'inspect', options.tag]));
  say(`made ${options.tag} for ${arch.oci}, ${Math.round(size / 1e6)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeBase() {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'platdumpfs-system');
  const tar = join(cache, `image-${arch.deb}.tar`);
  if (!existsSync(tar)) {
    say(`making a Debian ${arch.suite} for ${arch.deb} (mmdebstrap)`);
    mkdirSync(cache, { recursive: true });
    const draft = join(work, 'base.tar');
    run('mmdebstrap', [
      '--quiet',
      '--format=tar',
      '--variant=extract',
      `--architectures=${arch.deb}`,
      `--include=${BASE_PACKAGES}`,
      // A suite's index may be older than it says it should be.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
      arch.suite,
      draft,
      mirror(),
    ]);
    run('cp', [draft, `${tar}.part`]);
    run('mv', [`${tar}.part`, tar]);
  }
  const name = `localhost/platdumpfs-base-${arch.deb}`;
  podman(['import', `--arch=${arch.oci}`, tar, name]);
  return name;
}

function makeDeb() {
  run(process.execPath, [
    join(root, 'scripts/package.mjs'),
    '--output',
    work,
    '--only',
    'deb',
    '--arch',
    options.arch,
  ]);
  return readdirSync(work)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => join(work, file));
}

/** The one that apt uses. */
function mirror() {
  return /^URIs: *(\S+)/m.exec(readFileSync('/etc/apt/sources.list.d/debian.sources', 'utf8'))[1];
}

function podman(args) {
  return run('podman', [...(process.env.PODMAN_OPTIONS ?? '').split(' ').filter(Boolean), ...args]);
}

function run(program, args) {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 ** 2,
    });
  } catch (error) {
    return fail(`${program} failed:\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}
