import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Builds `dist/` before the first test: worker threads and the program itself run from there. Type errors do not keep
 * tests from running; the type check reports them.
 */
export default function buildOnce(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { error } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
  if (error !== undefined) throw error;
}
