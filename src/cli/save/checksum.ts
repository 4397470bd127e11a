import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { SavedDump } from './save-dump.js';
import { syncDirectory } from './target-directory.js';
import { nameFile, withUnfinished } from './unfinished-file.js';

/**
 * Writes beside a copy what `sha256sum -c` compares it with: on disk, or not at all. Never overwrites.
 *
 * @throws Error where the directory does not take it, or another file has the name
 */
export async function saveChecksum(
  directory: string,
  tag: string,
  { name, sha256 }: SavedDump,
): Promise<void> {
  const path = join(directory, `${name}.sha256`);
  const text = `${sha256}  ${name}\n`;
  const content = { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') };
  await withUnfinished(directory, tag, async (target, partial) => {
    await target.writeFile(text);
    await target.sync();
    const outcome = await nameFile(target, partial, path, content);
    if (outcome === 'taken') throw new Error(`${path} is there and says something else`);
    await syncDirectory(directory);
  });
}
