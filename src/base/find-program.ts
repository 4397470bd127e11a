import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where execvp(3) looks without a PATH: mount(8) takes it away from what a user starts. */
const WITHOUT_PATH = '/bin:/usr/bin';

/** Path of a program as execvp(3) finds it; undefined: it is not in PATH. */
export function findProgram(name: string, path = process.env['PATH'] ?? WITHOUT_PATH): string | undefined {
  const directories = path.split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
