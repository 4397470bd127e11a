import assert from 'node:assert/strict';
import { CommandError, EXIT } from '../../../src/cli/exit-status.js';
import { helperCall } from '../../../src/cli/mount/helper-call.js';
import { attachmentOf, mountRequest } from '../../../src/cli/mount/mount-request.js';
import type { ParsedOptions } from '../../../src/cli/options/parse-options.js';
import { parseOptions } from '../../../src/cli/options/parse-options.js';
import { silentLogger } from '../../../src/base/log.js';
import { mountOptionList } from '../../../src/fuse/kernel/mount-program.js';
import { nativeMountOptions } from '../../../src/fuse/native/mount-options.js';
import { MountError } from '../../../src/fuse/transport.js';
import type { FuzzTarget } from '../target.js';
import { unlessRefused } from '../target.js';

const VERBS = ['mount', 'umount', 'list', 'info', 'save', 'doctor', 'metrics', 'watch'] as const;

/** Whatever mount(8), libfuse and the kernel may be told; nothing of it gives anybody more than he had. */
const HARMLESS =
  /^(?:fd=3|rootmode=40000|user_id=0|group_id=0|default_permissions|nosuid|nodev|allow_other|ro|noexec|noatime|nodiratime)$/;
const LABEL = /^(?:|fs|def|root)context="?[^"]+"?$/;

/** Arguments between NULs, behind the number of the command: `mount` as mount(8) calls it, or a word of ours. */
export const commandLine: FuzzTarget = {
  name: 'command-line',
  isText: true,
  words: [
    ...[
      '-o\0',
      '--',
      '--source=',
      '--lockdown=',
      'allow_other',
      'context="',
      'context=',
      'noexec',
      'remount',
    ],
    ...[
      'sim\0',
      '/mnt\0',
      ',',
      '=',
      '\\',
      '"',
      '\0',
      'x-systemd.',
      'ro',
      'suid',
      '-sfnv\0',
      'comment=',
      '\n',
    ],
    ...[
      '--cache-size=',
      '64MiB',
      '--known-tag=',
      '200000001:3GiB',
      '--umask=',
      '--unlink=',
      'fsname=',
      'dev',
    ],
  ],
  run([number = 0, ...rest]) {
    const words = Buffer.from(rest).toString().split('\0');
    const isHelper = number % (VERBS.length + 1) === VERBS.length;
    const parsed = ifUnderstood(() => {
      const { args, sloppy } = isHelper ? helperCall(words) : { args: words, sloppy: false };
      return parseOptions(VERBS[number % (VERBS.length + 1)] ?? 'mount', args, sloppy);
    });
    if (parsed !== undefined && (isHelper || number % (VERBS.length + 1) === 0)) checkMount(parsed, isHelper);
  },
};

function ifUnderstood<T>(work: () => T): T | undefined {
  return unlessRefused(CommandError, () => {
    try {
      return work();
    } catch (thrown) {
      if (thrown instanceof CommandError) assert.equal(thrown.status, EXIT.usage);
      throw thrown;
    }
  });
}

function checkMount(parsed: ParsedOptions, isHelper: boolean): void {
  const request = ifUnderstood(() => mountRequest(parsed, isHelper));
  if (request === undefined) return;
  const attachment = attachmentOf(request);
  for (const option of splitOutsideQuotes(mountOptionList(attachment, 0, 0)))
    assert(HARMLESS.test(option) || LABEL.test(option), `${option} reaches the kernel`);
  const native = unlessRefused(MountError, () => nativeMountOptions({ ...attachment, log: silentLogger }));
  if (native === undefined) return;
  const names = splitAsLibfuse(native.slice(2));
  assert(names.includes(`fsname=${request.fsname}`));
  const given = names.filter((name) => !/^(?:fsname=|subtype=platdumpfs$|nonempty$)/.test(name));
  for (const option of given)
    assert(
      HARMLESS.test(option) ||
        LABEL.test(option) ||
        /^(?:use_ino|noforget|kernel_cache|[a-z_]+=\d+)$/.test(option),
      `${option} reaches libfuse`,
    );
}

/** As mount(8) does. */
function splitOutsideQuotes(list: string): string[] {
  return [...list.matchAll(/(?:"[^"]*"|[^",])+/g)].map(([option]) => option);
}

function splitAsLibfuse(list: string): string[] {
  return [...list.matchAll(/(?:\\[^]|[^\\,])+/g)].map(([option]) => option.replace(/\\([^])/g, '$1'));
}
