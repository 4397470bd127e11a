#!/usr/bin/env node
// Fails when something installed from npm could do more than be loaded: files that give whoever runs them another user's
// rights, and install scripts that nobody has looked at.
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './setup.mjs';

/** Packages that have install scripts. None of them runs here (.npmrc): each brings the binary that it would compile. */
const LOOKED_AT = new Set(['fuse-native', 'koffi']);

const SETUID_OR_SETGID = 0o6000;

const { packages } = JSON.parse(readFileSync(join(root, 'npm-shrinkwrap.json'), 'utf8'));
const installed = Object.keys(packages).filter((path) => path !== '' && existsSync(join(root, path)));
const problems = [...unknownScripts(), ...privilegedFiles(join(root, 'node_modules'))];

/** The lock file knows of all platforms; what is installed here may have been changed since by hand. */
function unknownScripts() {
  const locked = Object.keys(packages).filter((path) => packages[path].hasInstallScript);
  const withScripts = new Set([...locked, ...installed.filter(hasInstallScript)].map(nameOf));
  return [...withScripts]
    .filter((name) => !LOOKED_AT.has(name))
    .map((name) => `${name} has an install script that is not on the list in scripts/check-installed.mjs`);
}

function hasInstallScript(path) {
  const { scripts = {} } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
  return ['preinstall', 'install', 'postinstall'].some((name) => name in scripts);
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function privilegedFiles(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => lstatSync(path).mode & SETUID_OR_SETGID)
    .map((path) => `${relative(root, path)} is setuid or setgid`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`nothing in ${installed.length} packages is setuid or runs at installation unseen`);
