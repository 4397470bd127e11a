import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Unavailable } from './case.js';

const compiled = new Map<string, string>();
let directory: string | undefined;

/**
 * Compiles `c/NAME.c`, once.
 *
 * @returns the path of the program
 * @throws Unavailable without compiler or library
 */
export function cProgram(name: string, libraries: readonly string[] = []): string {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const source = fileURLToPath(new URL(`../../c/${name}.c`, import.meta.url));
  const output = join(ownDirectory(), name);
  const flags = libraries.flatMap(flagsOf);
  const { status, stderr, error } = spawnSync('gcc', ['-O2', '-pthread', '-o', output, source, ...flags], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Unavailable(`${name}.c cannot be compiled: ${error?.message ?? stderr}`);
  compiled.set(name, output);
  return output;
}

function flagsOf(library: string): readonly string[] {
  const { status, stdout } = spawnSync('pkg-config', ['--cflags', '--libs', library], { encoding: 'utf8' });
  if (status !== 0) throw new Unavailable(`pkg-config and what brings ${library} are not installed`);
  return stdout.trim().split(/\s+/);
}

function ownDirectory(): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'platdumpfs-bench-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    directory = made;
  }
  return directory;
}
