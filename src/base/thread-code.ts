import { readFileSync, readdirSync } from 'node:fs';
import type * as NodePath from 'node:path';
import { join } from 'node:path';
import type * as NodeUrl from 'node:url';
import { fileURLToPath } from 'node:url';
import { koffiBinary } from './koffi.js';
import { threadEntry } from './thread-entry.js';

/** Where the program of the main thread is, below the root: no other thread loads it. */
const MAIN = 'cli/';

/** Everything that threads are made of, as one script; undefined: threads read their files when they start. */
let kept: string | undefined;

/**
 * Reads what threads are made of, once and for all: a thread that starts later finds its code also when the program has
 * been upgraded or removed meanwhile.
 */
export function keepThreadCode(): void {
  const root = fileURLToPath(threadEntry(''));
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = names
    .filter((name) => name.endsWith('.js') && !name.startsWith(MAIN))
    .map((name) => join(root, name))
    .map((path) => `${JSON.stringify(path)}: (exports, require, module, __filename) => {\n${read(path)}\n}`);
  kept = `const files = {\n${files.join(',\n')}\n};\n${loadModules.toString()}\n`;
}

/** The script of a thread, for `new Worker` with `eval`; undefined: nothing was kept. @param entry path of its file */
export function keptThread(entry: string): string | undefined {
  if (kept === undefined) return undefined;
  return `${kept}loadModules(files, require, ${JSON.stringify(koffiBinary() ?? null)})(${JSON.stringify(entry)});`;
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

type Require = (name: string) => unknown;

type Body = (exports: object, require: Require, module: { exports: object }, filename: string) => void;

/**
 * What Node's loader does, of texts in memory: relative paths, paths, `createRequire`, and koffi.
 *
 * Runs in the thread, out of its own text: it may use nothing but its parameters.
 *
 * @param nodeRequire for modules of Node itself
 * @param koffi what is in memory already is found by its path, although the file is gone
 */
function loadModules(
  files: Readonly<Record<string, Body>>,
  nodeRequire: Require,
  koffi: string | null,
): Require {
  const loaded = new Map<string, { exports: object }>();
  const path = nodeRequire('node:path') as typeof NodePath;
  const url = nodeRequire('node:url') as typeof NodeUrl;
  const requireFrom =
    (from: string): Require =>
    (name) => {
      if (name === 'node:module')
        return { createRequire: (here: string | URL) => requireFrom(url.fileURLToPath(here)) };
      if (name === 'koffi') return load(name, loadKoffiItself);
      const file = name.startsWith('.') ? path.join(path.dirname(from), name) : name;
      const body = files[file];
      return body === undefined ? nodeRequire(name) : load(file, body);
    };
  const load = (file: string, body: Body): object => {
    const known = loaded.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    body(module.exports, requireFrom(file), module, file);
    return module.exports;
  };
  const loadKoffiItself: Body = (_exports, _require, module) => {
    if (koffi === null) throw new Error('it is not installed');
    process.dlopen(module, koffi);
  };
  return requireFrom('/');
}
