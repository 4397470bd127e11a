#!/usr/bin/env node
// npm run package: .deb for amd64 and ppc64el, .rpm for x86_64 and ppc64le, and an npm tarball that installs offline.
//
//   npm run package [-- --output DIR] [--only deb|rpm|npm] [--arch x64|ppc64]
//
// Uses what the distributions bring: dpkg-deb and rpmbuild. What the machine lacks is installed on Debian as root.
// Everything is built from one tree of files; an architecture differs in one native module (koffi's).
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  compressed,
  filesBelow,
  install,
  makeDebOf,
  makeRpmOf,
  manifest,
  needTools,
  normalise,
  run,
} from './packaging.mjs';
import { build, installDependencies, root, say } from './setup.mjs';

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
const { version } = manifest;

installDependencies();
needTools(options.only);
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
  install('packaging/platdumpfs.env', join(tree, 'etc/platdumpfs/platdumpfs.env'));
  for (const file of readdirSync(join(root, 'packaging/monitoring')))
    install(join('packaging/monitoring', file), join(tree, 'usr/share/doc/platdumpfs/examples', file));
  for (const file of readdirSync(join(root, 'packaging/examples')))
    install(join('packaging/examples', file), join(tree, 'usr/share/doc/platdumpfs/examples', file));
  for (const file of readdirSync(join(root, 'dist'))) {
    const section = /\.([78])$/.exec(file)?.[1];
    if (section !== undefined)
      compressed(
        readFileSync(join(root, 'dist', file)),
        join(tree, `usr/share/man/man${section}/${file}.gz`),
      );
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
  install('README.md', join(doc, 'README.md'));
  for (const module of ['koffi/LICENSE.txt', 'lru-cache/LICENSE.md', 'prom-client/LICENSE'])
    rmSync(join(tree, 'usr/lib/platdumpfs/node_modules', module));
  makeDebOf(tree, {
    name: 'platdumpfs',
    directory: 'packaging/deb',
    architecture,
    scripts: ['postinst', 'prerm', 'postrm'],
    output,
  });
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
  makeRpmOf(tree, { name: 'platdumpfs', spec: 'packaging/rpm/platdumpfs.spec', architecture, output });
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

function link(target, path) {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
