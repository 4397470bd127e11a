#!/usr/bin/env node
// npm run package:cockpit: the page for Cockpit as .deb and .rpm, the same for every architecture.
//
//   npm run package:cockpit [-- --output DIR] [--only deb|rpm]
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
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { fail, installPackages, root, say } from './setup.mjs';

const NAME = 'platdumpfs-cockpit';
const PAGE = 'usr/share/cockpit/platdumpfs';

const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'packages') },
    only: { type: 'string', multiple: true, default: ['deb', 'rpm'] },
  },
});
const output = resolve(options.output);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const changelog = readFileSync(join(root, 'packaging/deb/changelog'), 'utf8');
const epochS = Date.parse(/^ -- .*>  (.+)$/m.exec(changelog)[1]) / 1000;
const missing = installPackages(options.only.map((kind) => (kind === 'deb' ? 'dpkg' : 'rpm')));
if (missing.length > 0)
  fail(`${missing.join(', ')} is missing; as root: apt-get install ${missing.join(' ')}`);

const page = join(root, 'cockpit');
if (!existsSync(join(page, 'node_modules/esbuild')))
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: page });
run(process.execPath, [join(page, 'build.mjs')]);

const work = mkdtempSync(join(tmpdir(), `${NAME}-`));
try {
  mkdirSync(output, { recursive: true });
  if (options.only.includes('deb')) makeDeb(join(work, 'deb'));
  if (options.only.includes('rpm')) makeRpm(join(work, 'rpm'));
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeDeb(tree) {
  cpSync(join(page, 'dist'), join(tree, PAGE), { recursive: true });
  const doc = join(tree, 'usr/share/doc', NAME);
  mkdirSync(doc, { recursive: true });
  cpSync(join(root, 'packaging/cockpit/copyright'), join(doc, 'copyright'));
  const own = changelog.replaceAll(/^platdumpfs /gm, `${NAME} `);
  writeFileSync(join(doc, 'changelog.Debian.gz'), gzipSync(own, { level: 9 }));
  const overrides = join(tree, 'usr/share/lintian/overrides');
  mkdirSync(overrides, { recursive: true });
  cpSync(join(root, 'packaging/cockpit/lintian-overrides'), join(overrides, NAME));
  normalise(tree);
  const sizeKib = Math.ceil(filesBelow(tree).reduce((sum, path) => sum + statSync(path).size, 0) / 1024);
  const sums = run(
    'md5sum',
    [
      '--',
      ...filesBelow(tree)
        .map((path) => path.slice(tree.length + 1))
        .sort(),
    ],
    { cwd: tree },
  );
  mkdirSync(join(tree, 'DEBIAN'));
  writeFileSync(join(tree, 'DEBIAN/md5sums'), sums);
  const control = readFileSync(join(root, 'packaging/cockpit/control'), 'utf8');
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    control.replace('@VERSION@', `${version}-1`).replace('@SIZE@', String(sizeKib)),
  );
  const file = join(output, `${NAME}_${version}-1_all.deb`);
  run('dpkg-deb', ['--root-owner-group', '--build', '-Zxz', tree, file]);
  say(`made ${file}`);
}

function makeRpm(tree) {
  cpSync(join(page, 'dist'), join(tree, PAGE), { recursive: true });
  for (const [kind, from, to] of [
    ['licenses', 'LICENSE', 'LICENSE'],
    ['doc', 'docs/cockpit.md', 'cockpit.md'],
  ]) {
    mkdirSync(join(tree, 'usr/share', kind, NAME), { recursive: true });
    cpSync(join(root, from), join(tree, 'usr/share', kind, NAME, to));
  }
  normalise(tree);
  const top = join(work, 'rpmbuild');
  mkdirSync(top);
  const spec = readFileSync(join(root, `packaging/cockpit/${NAME}.spec`), 'utf8');
  writeFileSync(join(top, `${NAME}.spec`), spec.replaceAll('@VERSION@', version).replaceAll('@TREE@', tree));
  const defines = [
    `_topdir ${top}`,
    `_rpmdir ${output}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  ];
  run('rpmbuild', [
    '-bb',
    '--nodeps',
    '--target=noarch',
    ...defines.flatMap((define) => ['--define', define]),
    join(top, `${NAME}.spec`),
  ]);
  say(`made ${join(output, `${NAME}-${version}-1.noarch.rpm`)}`);
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function normalise(tree) {
  chmodSync(tree, 0o755);
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

function run(program, args, more = {}) {
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epochS) };
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env, ...more });
  } catch (error) {
    return fail(`${program} failed:\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}
