#!/usr/bin/env node
// npm run package: .deb for amd64 and ppc64el, .rpm for x86_64 and ppc64le, and an npm tarball that installs offline.
//
//   npm run package [-- --output DIR] [--only deb|rpm|npm] [--arch x64|ppc64]
//
// Uses what the distributions bring: dpkg-deb and rpmbuild. What the machine lacks is installed on Debian as root.
// Everything is built from one tree of files; an architecture differs in one native module (koffi's).
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build, fail, installDependencies, installPackages, root, say } from './setup.mjs';

/** Names of an architecture: Node's, Debian's, RPM's. */
const ARCHITECTURES = [
  { node: 'x64', deb: 'amd64', rpm: 'x86_64' },
  { node: 'ppc64', deb: 'ppc64el', rpm: 'ppc64le' },
];

/** Where each shell looks for what dist/platdumpfs.SHELL says. */
const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/platdumpfs',
  fish: 'usr/share/fish/vendor_completions.d/platdumpfs.fish',
};

/** What the program loads of prom-client: the rest needs packages of its own. */
const PROM_CLIENT = ['registry', 'gauge', 'counter', 'metric', 'util', 'validation', 'exemplar'].map(
  (name) => `lib/${name}.js`,
);

const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'packages') },
    only: { type: 'string', multiple: true, default: ['deb', 'rpm', 'npm'] },
    arch: { type: 'string', multiple: true, default: ARCHITECTURES.map(({ node }) => node) },
  },
});
const output = resolve(options.output);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version } = manifest;
/** Of the newest entry of the changelog: the same sources give the same packages. */
const epochS = changelogTime();

installDependencies();
const tools = { deb: ['dpkg'], rpm: ['rpm'], npm: [] };
const missing = installPackages(
  options.only.flatMap((kind) => tools[kind] ?? fail(`unknown kind of package: ${kind}`)),
);
if (missing.length > 0)
  fail(`${missing.join(', ')} is missing; as root: apt-get install ${missing.join(' ')}`);
build();
run(process.execPath, [join(root, 'scripts', 'man.mjs')]);

const work = mkdtempSync(join(tmpdir(), 'platdumpfs-package-'));
try {
  mkdirSync(output, { recursive: true });
  for (const arch of ARCHITECTURES.filter(({ node }) => options.arch.includes(node))) {
    const modules = installedModules(arch);
    if (options.only.includes('deb')) makeDeb(arch, modules);
    if (options.only.includes('rpm')) makeRpm(arch, modules);
  }
  if (options.only.includes('npm')) makeTarball();
} finally {
  rmSync(work, { recursive: true, force: true });
}

// --- what is the same everywhere ---

/** node_modules as the program needs it at run time on one architecture: nothing to compile, nothing of others. */
function installedModules({ node }) {
  const directory = join(work, `modules-${node}`);
  mkdirSync(directory);
  const lock = existsSync(join(root, 'npm-shrinkwrap.json')) ? 'npm-shrinkwrap.json' : 'package-lock.json';
  for (const file of ['package.json', lock]) cpSync(join(root, file), join(directory, file));
  const platform = ['--os=linux', `--cpu=${node}`, '--libc=glibc'];
  run('npm', ['ci', '--omit=dev', ...platform, '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: directory,
  });
  const from = join(directory, 'node_modules');
  const modules = join(work, `node_modules-${node}`);
  takeFiles(from, modules, 'lru-cache', [
    'package.json',
    'LICENSE.md',
    'dist/commonjs/package.json',
    'dist/commonjs/node',
  ]);
  takeFiles(from, modules, 'prom-client', ['package.json', 'LICENSE', ...PROM_CLIENT]);
  takeFiles(from, modules, 'koffi', ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi']);
  takeFiles(from, modules, `@koromix/koffi-linux-${node}`, ['package.json', 'index.js', '.']);
  return modules;
}

/** Copies what is loaded, and licences; no sources, no types, no source maps, nothing of another C library. */
function takeFiles(from, to, name, parts) {
  const isUsed = (path) =>
    statSync(path).isDirectory() ? !/\/musl_\w+$/.test(path) : /\.(c?js|json|node)$|LICENSE/.test(path);
  for (const part of parts)
    cpSync(join(from, name, part), join(to, name, part), { recursive: true, filter: isUsed });
  for (const path of filesBelow(join(to, name)))
    if (/js$/.test(path)) writeFileSync(path, readFileSync(path, 'utf8').replace(/^#!.*\n/, ''));
}

/** The tree that both kinds of system packages install. @param zshDirectory where the distribution's zsh looks */
function makeTree(tree, modules, zshDirectory) {
  const lib = join(tree, 'usr/lib/platdumpfs');
  mkdirSync(join(lib, 'bin'), { recursive: true });
  const program = readFileSync(join(root, 'bin/platdumpfs'), 'utf8');
  // Not whatever node the caller's PATH has first.
  writeFileSync(join(lib, 'bin/platdumpfs'), program.replace(/^exec node /m, 'exec /usr/bin/node '), {
    mode: 0o755,
  });
  cpSync(join(root, 'bin/package.json'), join(lib, 'bin/package.json'));
  cpSync(join(root, 'dist'), join(lib, 'dist'), {
    recursive: true,
    filter: (path) => !/\.([78]|bash|zsh|fish)$/.test(path),
  });
  cpSync(modules, join(lib, 'node_modules'), { recursive: true });
  const { name, license, type, engines } = manifest;
  writeFileSync(
    join(lib, 'package.json'),
    `${JSON.stringify({ name, version, license, type, engines }, null, 2)}\n`,
  );
  link('../lib/platdumpfs/bin/platdumpfs', join(tree, 'usr/bin/platdumpfs'));
  link('../lib/platdumpfs/bin/platdumpfs', join(tree, 'usr/sbin/mount.platdumpfs'));
  for (const file of readdirSync(join(root, 'packaging/extract_platdump')))
    install(
      join('packaging/extract_platdump', file),
      join(lib, 'extract_platdump', file),
      file.endsWith('.conf') ? 0o644 : undefined,
    );
  for (const file of readdirSync(join(root, 'packaging/systemd')))
    if (!file.endsWith('.d'))
      install(join('packaging/systemd', file), join(tree, 'usr/lib/systemd/system', file));
  for (const file of readdirSync(join(root, 'packaging/monitoring')))
    install(join('packaging/monitoring', file), join(tree, 'usr/share/doc/platdumpfs/examples', file));
  for (const file of readdirSync(join(root, 'packaging/examples')))
    install(join('packaging/examples', file), join(tree, 'usr/share/doc/platdumpfs/examples', file));
  for (const file of readdirSync(join(root, 'dist'))) {
    const section = /\.([78])$/.exec(file)?.[1];
    if (section !== undefined)
      compressed(join(root, 'dist', file), join(tree, `usr/share/man/man${section}/${file}.gz`));
  }
  for (const [shell, path] of Object.entries(COMPLETIONS))
    install(`dist/platdumpfs.${shell}`, join(tree, path));
  install('dist/platdumpfs.zsh', join(tree, 'usr/share/zsh', zshDirectory, '_platdumpfs'));
  return lib;
}

// --- .deb ---

function makeDeb({ deb: architecture }, modules) {
  const tree = join(work, `deb-${architecture}`);
  makeTree(tree, modules, 'vendor-completions');
  const doc = join(tree, 'usr/share/doc/platdumpfs');
  mkdirSync(doc, { recursive: true });
  install('packaging/deb/copyright', join(doc, 'copyright'));
  compressed(join(root, 'packaging/deb/changelog'), join(doc, 'changelog.Debian.gz'));
  install('README.md', join(doc, 'README.md'));
  install('packaging/deb/lintian-overrides', join(tree, 'usr/share/lintian/overrides/platdumpfs'));
  for (const module of ['koffi/LICENSE.txt', 'lru-cache/LICENSE.md', 'prom-client/LICENSE'])
    rmSync(join(tree, 'usr/lib/platdumpfs/node_modules', module));
  normalise(tree);
  const sizeKib = Math.ceil(filesBelow(tree).reduce((sum, path) => sum + statSync(path).size, 0) / 1024);
  const control = readFileSync(join(root, 'packaging/deb/control'), 'utf8')
    .replaceAll('@VERSION@', `${version}-1`)
    .replaceAll('@ARCHITECTURE@', architecture)
    .replaceAll('@SIZE@', String(sizeKib));
  mkdirSync(join(tree, 'DEBIAN'));
  writeFileSync(join(tree, 'DEBIAN/control'), control);
  writeFileSync(join(tree, 'DEBIAN/md5sums'), md5sums(tree));
  for (const script of ['postinst', 'prerm', 'postrm'])
    install(`packaging/deb/${script}`, join(tree, 'DEBIAN', script), 0o755);
  const file = join(output, `platdumpfs_${version}-1_${architecture}.deb`);
  run('dpkg-deb', ['--root-owner-group', '--build', '-Zxz', tree, file]);
  say(`made ${file}`);
}

function md5sums(tree) {
  const files = filesBelow(tree)
    .map((path) => path.slice(tree.length + 1))
    .filter((path) => !path.startsWith('DEBIAN/'));
  return run('md5sum', ['--', ...files.sort()], { cwd: tree });
}

// --- .rpm ---

function makeRpm({ rpm: architecture }, modules) {
  const tree = join(work, `rpm-${architecture}`);
  makeTree(tree, modules, 'site-functions');
  install('LICENSE', join(tree, 'usr/share/licenses/platdumpfs/LICENSE'));
  install('README.md', join(tree, 'usr/share/doc/platdumpfs/README.md'));
  for (const [module, file] of [
    ['koffi', 'LICENSE.txt'],
    ['lru-cache', 'LICENSE.md'],
    ['prom-client', 'LICENSE'],
  ]) {
    const from = join(tree, 'usr/lib/platdumpfs/node_modules', module, file);
    cpSync(from, join(tree, 'usr/share/licenses/platdumpfs', `LICENSE.${module}`));
    rmSync(from);
  }
  normalise(tree);
  const spec = readFileSync(join(root, 'packaging/rpm/platdumpfs.spec'), 'utf8')
    .replaceAll('@VERSION@', version)
    .replaceAll('@TREE@', tree);
  const top = join(work, `rpmbuild-${architecture}`);
  mkdirSync(top);
  const specFile = join(top, 'platdumpfs.spec');
  writeFileSync(specFile, spec);
  const defines = [
    `_topdir ${top}`,
    `_rpmdir ${output}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  ];
  run('rpmbuild', [
    '-bb',
    '--nodeps',
    `--target=${architecture}`,
    ...defines.flatMap((define) => ['--define', define]),
    specFile,
  ]);
  say(`made ${join(output, `platdumpfs-${version}-1.${architecture}.rpm`)}`);
}

// --- npm ---

/**
 * What `npm install FILE` needs without a network, for both architectures: dependencies bundled, exact versions, and no
 * script to run. fuse-native is left out: its libraries are of other platforms, and two of its scripts are set-user-id.
 */
function makeTarball() {
  const tree = join(work, 'npm');
  mkdirSync(tree);
  for (const part of ['bin', 'dist', 'packaging', 'docs', 'LICENSE', 'README.md'])
    cpSync(join(root, part), join(tree, part), { recursive: true });
  for (const { node } of ARCHITECTURES)
    cpSync(installedOnce(node), join(tree, 'node_modules'), { recursive: true });
  const { devDependencies: _tools, scripts: _scripts, optionalDependencies, ...kept } = manifest;
  const koffi = JSON.parse(readFileSync(join(tree, 'node_modules/koffi/package.json'), 'utf8'));
  const bundled = { ...kept.dependencies, koffi: koffi.version };
  delete optionalDependencies.koffi;
  writeFileSync(
    join(tree, 'package.json'),
    `${JSON.stringify({ ...kept, files: [...kept.files, 'npm-shrinkwrap.json'], dependencies: bundled, bundleDependencies: Object.keys(bundled) }, null, 2)}\n`,
  );
  stripManifests(join(tree, 'node_modules'));
  normalise(tree);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', output], { cwd: tree });
  say(`made ${join(output, `platdumpfs-${version}.tgz`)}`);
}

function installedOnce(node) {
  const modules = join(work, `node_modules-${node}`);
  return existsSync(modules) ? modules : installedModules({ node });
}

/** What is bundled is complete as it is: no script to run, nothing to fetch, the natives of both architectures. */
function stripManifests(modules) {
  const natives = ARCHITECTURES.map(({ node }) => `@koromix/koffi-linux-${node}`);
  for (const name of ['koffi', 'lru-cache', 'prom-client', ...natives]) {
    const file = join(modules, name, 'package.json');
    const { version, license, main, exports, type } = JSON.parse(readFileSync(file, 'utf8'));
    const dependencies =
      name === 'koffi' ? Object.fromEntries(natives.map((native) => [native, version])) : {};
    const kept = { name, version, license, main, exports, type, dependencies };
    writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
  }
}

// --- pieces ---

function install(from, to, mode) {
  const source = resolve(root, from);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(source, to);
  chmodSync(to, mode ?? (statSync(source).mode & 0o111 ? 0o755 : 0o644));
}

function compressed(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, gzipSync(readFileSync(from), { level: 9 }));
}

function link(target, path) {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Modes that do not depend on who builds, and one time. */
function normalise(tree) {
  const directories = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [tree, ...directories]) chmodSync(path, 0o755);
  for (const path of filesBelow(tree)) {
    chmodSync(path, readFileSync(path).subarray(0, 2).toString() === '#!' ? 0o755 : 0o644);
    utimesSync(path, epochS, epochS);
  }
}

function changelogTime() {
  const line = /^ -- .*>  (.+)$/m.exec(readFileSync(join(root, 'packaging/deb/changelog'), 'utf8'));
  return Date.parse(line[1]) / 1000;
}

function run(program, args, options = {}) {
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epochS) };
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      ...options,
    });
  } catch (error) {
    fail(`${program} failed:\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}
