#!/usr/bin/env node
// npm run build: compiles src/ to build/, one file each, which tests load pieces of, and puts what runs together into
// dist/. Node loads one file of 300 kB several times as fast as 200 small ones, and CommonJS faster than ES modules,
// above all in worker threads: each of them would start a loader of its own.
//
// Ends with the compiler's status. Type errors do not keep the program from being built.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './setup.mjs';

const compiled = join(root, 'build');
const shipped = join(root, 'dist');

/** Stay in node_modules: native and optional, or with a licence of their own. */
const EXTERNAL = ['koffi', 'fuse-native', 'lru-cache'];

/** Modules that find others from where they are, as if in src/base or src/cli. */
const LOOK_ONE_DIRECTORY_UP = ['base/thread-entry.js', 'cli/version.js'].map((file) => join(compiled, file));

/** Manual pages and completion (man.mjs). */
const MADE_ELSEWHERE = /^[^/]+\.([78]|bash|zsh|fish)$/;

/**
 * What is started by name, bundled by what runs in one thread. Threads share no code with each other: their files stay
 * small. Chunks that several entries of a bundle need go beside the first.
 */
const BUNDLES = [
  { entries: ['cli/main.js'], groups: [{ name: 'shared', minShareCount: 2 }] },
  {
    entries: ['transfer/hand-thread.js', ...driverEntries()],
    groups: [{ name: 'hand-shared', minShareCount: 2 }],
  },
  { entries: ['memory/spool/spool-thread.js'] },
  { entries: ['fuse/kernel/device-reader.js'] },
  { entries: ['fuse/notification-writer.js'] },
  { entries: ['lockdown/level-thread.js'] },
  { entries: ['rtas/trace-process.js'] },
  { entries: ['cli/log/log-process.js'] },
];

const status = compile();
const files = new Map([['package.json', '{ "type": "commonjs" }\n']]);
for (const bundle of BUNDLES) {
  for (const { fileName, code, moduleIds } of await outputOf(bundle)) {
    checkPlace(fileName, moduleIds);
    files.set(fileName, code);
  }
}
for (const [name, text] of files) writeIfChanged(join(shipped, name), text);
removeStale();
process.exitCode = status;

function compile() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** `source/NAME/NAME-driver.js` in each folder of a source. */
function driverEntries() {
  return readdirSync(join(root, 'src/source'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `source/${name}/${name}-driver.js`)
    .sort();
}

async function outputOf({ entries, groups }) {
  const bundle = await rolldown({
    cwd: compiled,
    input: Object.fromEntries(entries.map((entry) => [entry.replace(/\.js$/, ''), join(compiled, entry)])),
    platform: 'node',
    external: EXTERNAL,
    // No module is there for what it does when loaded: what nothing is taken from stays out.
    treeshake: { moduleSideEffects: false },
    // Other files may take from an entry what it has anyway.
    preserveEntrySignatures: 'allow-extension',
  });
  try {
    const { output } = await bundle.generate({
      format: 'cjs',
      // As ES modules are by themselves.
      strict: true,
      entryFileNames: '[name].js',
      chunkFileNames: `${dirname(entries[0])}/[name].js`,
      // Nothing else is taken away: names and lines of a stack trace can be found.
      comments: { legal: true, annotation: false, jsdoc: false },
      // One file where there is one entry that is to be small.
      codeSplitting: groups === undefined ? false : { groups },
    });
    return output;
  } finally {
    await bundle.close();
  }
}

function checkPlace(fileName, moduleIds) {
  const [lost] = moduleIds.filter((id) => LOOK_ONE_DIRECTORY_UP.includes(id));
  if (lost !== undefined && fileName.split('/').length !== 2)
    throw new Error(`${relative(compiled, lost)} must not be bundled into ${fileName}`);
}

/** Whole at any time: a daemon that runs from here may start a thread just now. */
function writeIfChanged(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(draft, text);
  renameSync(draft, path);
}

/** What an earlier build left is neither loaded by mistake nor shipped. */
function removeStale() {
  for (const entry of readdirSync(shipped, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(shipped, path).split(sep).join('/');
    const isUsed = entry.isDirectory()
      ? [...files.keys()].some((file) => file.startsWith(`${name}/`))
      : files.has(name) || MADE_ELSEWHERE.test(name);
    if (!isUsed) rmSync(path, { recursive: true, force: true });
  }
}
