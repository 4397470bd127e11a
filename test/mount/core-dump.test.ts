import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileDump } from '../support/expected-dump.js';
import { KERNEL, Mounted, until } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';

const PATTERN = '/proc/sys/kernel/core_pattern';

function mayChangePattern(): boolean {
  try {
    accessSync(PATTERN, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Hands cores to a program for as long as it is held: a setting of the whole machine. */
class CoreHandler implements Disposable {
  readonly #before = readFileSync(PATTERN, 'utf8');

  constructor(path: string, into: string) {
    writeFileSync(path, `#!/bin/sh\ncat > ${into}.part\nmv ${into}.part ${into}\n`, { mode: 0o755 });
    writeFileSync(PATTERN, `|${path} %p`);
  }

  [Symbol.dispose](): void {
    writeFileSync(PATTERN, this.#before);
  }
}

/** Somebody who does not protect itself. */
const VICTIM = 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)';

describe.skipIf(!mayChangePattern())(
  'where cores go to a program (skipped: core_pattern is read-only)',
  () => {
    test.each([
      { what: 'with koffi', options: '' },
      { what: 'without koffi', options: '--no-addons' },
    ])('a daemon that crashes leaves none, $what', async ({ options }) => {
      await using scene = new Mounted(KERNEL);
      const { name } = fileDump(scene.simDir, 0x2_0000_0001n, 1_000_000);
      scene.env = { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${options}` };
      await scene.start(`--sim-dir=${scene.simDir}`);
      await mustRun('cat', [scene.at(name)]);
      const core = join(scene.directory, 'core');
      using handler = new CoreHandler(join(scene.directory, 'handler'), core);
      expect(handler).toBeDefined();
      expect(await scene.daemon.stop('SIGSEGV')).toBe('SIGSEGV');
      expect(existsSync(core)).toBe(false);
      expect(existsSync(`${core}.part`)).toBe(false);
      // The handler works: the core of a process that ends later gets there.
      await mustRun('sh', ['-c', `ulimit -c unlimited; python3 -c '${VICTIM}'; true`]);
      await until('the core of another process is there', () => existsSync(core));
      expect(statSync(core).size).toBeGreaterThan(0);
      await mustRun('umount', ['-i', '-l', scene.mountpoint]);
    });
  },
);
