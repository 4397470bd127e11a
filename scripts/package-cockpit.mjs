#!/usr/bin/env node
// npm run package:cockpit: the page for Cockpit as .deb and .rpm, the same for every architecture.
//
//   npm run package:cockpit [-- --output DIR] [--only deb|rpm]
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { install, makeDebOf, makeRpmOf, needTools, run } from './packaging.mjs';
import { installDependencies, root } from './setup.mjs';

const NAME = 'platdumpfs-cockpit';
const DIRECTORY = 'packaging/cockpit';

const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'packages') },
    only: { type: 'string', multiple: true, default: ['deb', 'rpm'] },
  },
});
const output = resolve(options.output);
needTools(options.only);

const page = join(root, 'cockpit');
installDependencies(page, 'package-lock.json');
run(process.execPath, [join(page, 'build.mjs')]);

const work = mkdtempSync(join(tmpdir(), `${NAME}-`));
try {
  mkdirSync(output, { recursive: true });
  if (options.only.includes('deb')) makeDeb();
  if (options.only.includes('rpm')) makeRpm();
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeDeb() {
  makeDebOf(pageTree('deb'), { name: NAME, directory: DIRECTORY, architecture: 'all', output });
}

function makeRpm() {
  const tree = pageTree('rpm');
  install('LICENSE', join(tree, 'usr/share/licenses', NAME, 'LICENSE'));
  install('docs/cockpit.md', join(tree, 'usr/share/doc', NAME, 'cockpit.md'));
  makeRpmOf(tree, { name: NAME, spec: `${DIRECTORY}/${NAME}.spec`, architecture: 'noarch', output });
}

function pageTree(kind) {
  const tree = join(work, kind);
  cpSync(join(page, 'dist'), join(tree, 'usr/share/cockpit/platdumpfs'), { recursive: true });
  return tree;
}
