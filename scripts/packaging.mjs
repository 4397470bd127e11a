// Pieces of package.mjs and package-cockpit.mjs: how a tree of files becomes a .deb or an .rpm, the same each time.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fail, installPackages, root, say } from './setup.mjs';

/** What the distributions bring for each kind of package. */
const TOOLS = { deb: ['dpkg'], rpm: ['rpm'], npm: [] };

export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version } = manifest;
const changelog = readFileSync(join(root, 'packaging/deb/changelog'), 'utf8');
/** Of the newest entry of the changelog: the same sources give the same packages. */
const epochS = Date.parse(/^ -- .*>  (.+)$/m.exec(changelog)[1]) / 1000;

/** Sees to it that what makes these kinds is there. */
export function needTools(kinds) {
  const missing = installPackages(
    kinds.flatMap((kind) => TOOLS[kind] ?? fail(`unknown kind of package: ${kind}`)),
  );
  if (missing.length > 0)
    fail(`${missing.join(', ')} is missing; as root: apt-get install ${missing.join(' ')}`);
}

/**
 * Makes a .deb of a tree that is complete but for what Debian wants to know of it.
 *
 * @param directory has `control`, `copyright`, `lintian-overrides`, and `scripts` by their names
 */
export function makeDebOf(tree, { name, directory, architecture, scripts = [], output }) {
  const doc = join(tree, 'usr/share/doc', name);
  mkdirSync(doc, { recursive: true });
  install(join(directory, 'copyright'), join(doc, 'copyright'));
  compressed(changelog.replaceAll(/^platdumpfs /gm, `${name} `), join(doc, 'changelog.Debian.gz'));
  install(join(directory, 'lintian-overrides'), join(tree, 'usr/share/lintian/overrides', name));
  normalise(tree);
  const sizeKib = Math.ceil(filesBelow(tree).reduce((sum, path) => sum + statSync(path).size, 0) / 1024);
  const control = readFileSync(join(root, directory, 'control'), 'utf8')
    .replaceAll('@VERSION@', `${version}-1`)
    .replaceAll('@ARCHITECTURE@', architecture)
    .replaceAll('@SIZE@', String(sizeKib));
  const sums = md5sums(tree);
  const settings = filesOf(tree).filter((path) => path.startsWith('etc/'));
  mkdirSync(join(tree, 'DEBIAN'));
  if (settings.length > 0)
    writeFileSync(join(tree, 'DEBIAN/conffiles'), settings.map((path) => `/${path}\n`).join(''));
  writeFileSync(join(tree, 'DEBIAN/control'), control);
  writeFileSync(join(tree, 'DEBIAN/md5sums'), sums);
  for (const script of scripts) install(join(directory, script), join(tree, 'DEBIAN', script), 0o755);
  const file = join(output, `${name}_${version}-1_${architecture}.deb`);
  run('dpkg-deb', ['--root-owner-group', '--build', '-Zxz', tree, file]);
  say(`made ${file}`);
}

/** Without settings, which are the operator's. */
function md5sums(tree) {
  return run('md5sum', ['--', ...filesOf(tree).filter((path) => !path.startsWith('etc/'))], { cwd: tree });
}

/** As they will be below the root. */
function filesOf(tree) {
  return filesBelow(tree)
    .map((path) => path.slice(tree.length + 1))
    .sort();
}

/** Makes an .rpm of a complete tree. @param spec below the project */
export function makeRpmOf(tree, { name, spec, architecture, output }) {
  normalise(tree);
  const top = mkdtempSync(join(tmpdir(), 'platdumpfs-rpmbuild-'));
  try {
    const text = readFileSync(join(root, spec), 'utf8');
    const specFile = join(top, `${name}.spec`);
    writeFileSync(specFile, text.replaceAll('@VERSION@', version).replaceAll('@TREE@', tree));
    const defines = [
      `_topdir ${top}`,
      `_rpmdir ${output}`,
      '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    ].flatMap((define) => ['--define', define]);
    run('rpmbuild', ['-bb', '--nodeps', `--target=${architecture}`, ...defines, specFile]);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
  say(`made ${join(output, `${name}-${version}-1.${architecture}.rpm`)}`);
}

export function install(from, to, mode) {
  const source = resolve(root, from);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(source, to);
  chmodSync(to, mode ?? (statSync(source).mode & 0o111 ? 0o755 : 0o644));
}

export function compressed(content, to) {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, gzipSync(content, { level: 9 }));
}

export function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Modes that do not depend on who builds, and one time. */
export function normalise(tree) {
  const directories = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [tree, ...directories]) chmodSync(path, 0o755);
  for (const path of filesBelow(tree)) {
    chmodSync(path, readFileSync(path).subarray(0, 2).toString() === '#!' ? 0o755 : 0o644);
    utimesSync(path, epochS, epochS);
  }
}

export function run(program, args, options = {}) {
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
