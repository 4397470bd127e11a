import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/base/log.js';
import type { Abilities, TransportChoice } from '../../../src/fuse/choose-transport.js';
import { selectTransport } from '../../../src/fuse/choose-transport.js';
import { MountError } from '../../../src/fuse/transport.js';

const YES = { ok: true } as const;
const abilities = (direct: boolean, native: boolean, helper = false): Abilities => ({
  direct: () => (direct ? YES : { ok: false, why: 'no capability' }),
  helper: () => (helper ? YES : { ok: false, why: 'no fusermount3' }),
  native: () => (native ? YES : { ok: false, why: 'no libfuse' }),
});

interface Row {
  readonly choice: TransportChoice;
  readonly kernel: boolean;
  readonly native: boolean;
  readonly helper?: boolean;
  readonly mountpoint?: string;
}

describe('selectTransport', () => {
  test.each<Row & { readonly name: string; readonly why: string }>([
    { choice: 'auto', kernel: true, native: true, name: 'kernel', why: 'it may mount' },
    {
      choice: 'auto',
      kernel: false,
      native: true,
      name: 'fuse-native',
      why: 'no capability, and no fusermount3',
    },
    {
      choice: 'auto',
      kernel: false,
      helper: true,
      native: true,
      name: 'kernel',
      why: 'fusermount3 mounts for it: no capability',
    },
    { choice: 'kernel', kernel: false, helper: true, native: true, name: 'kernel', why: 'asked for' },
    { choice: 'auto', kernel: true, helper: true, native: true, name: 'kernel', why: 'it may mount' },
    { choice: 'kernel', kernel: true, native: true, name: 'kernel', why: 'asked for' },
    { choice: 'fuse-native', kernel: true, native: true, name: 'fuse-native', why: 'asked for' },
    {
      choice: 'auto',
      kernel: false,
      native: true,
      mountpoint: '/dev/fd/3',
      name: 'kernel',
      why: 'mounted already',
    },
    {
      choice: 'kernel',
      kernel: false,
      native: false,
      mountpoint: '/dev/fd/3',
      name: 'kernel',
      why: 'mounted already',
    },
  ])(
    '$choice at $mountpoint, kernel $kernel, fusermount3 $helper, native $native: $name, and says why',
    (row) => {
      const logged: unknown[] = [];
      const log = {
        ...silentLogger,
        info: (message: string, fields?: object) => void logged.push({ message, ...fields }),
      };
      const chosen = selectTransport(
        row.choice,
        log,
        row.mountpoint,
        abilities(row.kernel, row.native, row.helper),
      );
      expect(chosen.name).toBe(row.name);
      expect(logged).toEqual([{ message: 'transport chosen', transport: row.name, why: row.why }]);
    },
  );

  test.each<Row & { readonly says: RegExp }>([
    {
      choice: 'auto',
      kernel: false,
      native: false,
      says: /no transport.*no capability.*no libfuse.*(run as root|--cap-add SYS_ADMIN)/,
    },
    {
      choice: 'kernel',
      kernel: false,
      native: true,
      says: /kernel transport cannot be used: no capability, and no fusermount3; (run as root|start the container)/,
    },
    {
      choice: 'fuse-native',
      kernel: true,
      native: false,
      says: /fuse-native transport cannot be used: no libfuse/,
    },
  ])('$choice, kernel $kernel, native $native: refuses', ({ choice, kernel, native, says }) => {
    const select = (): unknown => selectTransport(choice, silentLogger, '/mnt', abilities(kernel, native));
    expect(select).toThrow(MountError);
    expect(select).toThrow(says);
  });
});
