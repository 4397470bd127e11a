import { basename } from 'node:path';
import { CommandError, EXIT } from './exit-status.js';
import { ignoresHangUp } from './hang-up.js';
import { printError } from './print.js';
import { run } from './run.js';

void main().then((status) => process.exit(status));

async function main(): Promise<number> {
  if (ignoresHangUp()) process.on('SIGHUP', () => undefined);
  try {
    return await run(process.argv.slice(2), basename(process.argv[1] ?? ''));
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error));
    return error instanceof CommandError ? error.status : EXIT.failed;
  }
}
