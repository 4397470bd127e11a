import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadKoffi } from '../../../../src/base/koffi.js';
import { silentLogger } from '../../../../src/base/log.js';
import { canMountByHelper, helperOptionList } from '../../../../src/fuse/kernel/fusermount.js';
import { DescriptorChannel } from '../../../../src/fuse/descriptor-channel.js';
import type { MountOptions } from '../../../../src/fuse/transport.js';
import { MountError } from '../../../../src/fuse/transport.js';

const PLAIN: MountOptions = {
  mountpoint: '/mnt',
  fsname: 'sim',
  allowOther: false,
  readOnly: false,
  kernelOptions: [],
  log: silentLogger,
};

describe('helperOptionList', () => {
  test.each([
    { what: 'nothing', options: {}, list: 'fsname=sim,subtype=platdumpfs,default_permissions' },
    {
      what: 'all there is',
      options: { allowOther: true, readOnly: true, kernelOptions: ['nosuid', 'noatime'] },
      list: 'fsname=sim,subtype=platdumpfs,default_permissions,allow_other,ro,nosuid,noatime',
    },
    {
      what: 'a name that looks like options',
      options: { fsname: 'a,allow_other\\' },
      list: 'fsname=a\\,allow_other\\\\,subtype=platdumpfs,default_permissions',
    },
  ])('$what', ({ options, list }) => {
    expect(helperOptionList({ ...PLAIN, ...options })).toBe(list);
  });

  test.each(['context=a,allow_other', 'context=a\\'])('refuses %s', (option) => {
    expect(() => helperOptionList({ ...PLAIN, kernelOptions: [option] })).toThrow(MountError);
  });
});

test('canMountByHelper knows that a set-user-id program is none under no_new_privs', () => {
  const can = canMountByHelper('Name:\tnode\nNoNewPrivs:\t1\nSeccomp:\t0\n');
  expect(can.ok).toBe(false);
});

const missing = whyNoKoffi();

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'DescriptorChannel' : `DescriptorChannel (skipped: ${missing})`,
  () => {
    test('receives the descriptor that another program sends, closed for programs that are started', async () => {
      using channel = new DescriptorChannel();
      const script =
        'import os, socket; fd = os.open("/proc/self/status", os.O_RDONLY); ' +
        'socket.send_fds(socket.socket(fileno=3), [b"\\0"], [fd])';
      const sender = spawn('python3', ['-c', script], {
        stdio: ['ignore', 'ignore', 'inherit', channel.theirs],
      });
      await once(sender, 'close');
      const fd = channel.receive();
      expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(`/proc/${sender.pid}/status`);
      closeSync(fd!);
      expect(channel.receive()).toBeUndefined();
    });

    test('receives nothing where nothing or no descriptor was sent', async () => {
      using channel = new DescriptorChannel();
      expect(channel.receive()).toBeUndefined();
      const sender = spawn('python3', ['-c', 'import os; os.write(3, b"x")'], {
        stdio: ['ignore', 'ignore', 'inherit', channel.theirs],
      });
      await once(sender, 'close');
      expect(channel.receive()).toBeUndefined();
    });

    test('leaves no descriptor open', () => {
      const probe = openSync('/dev/null', 'r');
      closeSync(probe);
      for (let times = 0; times < 50; times += 1) new DescriptorChannel()[Symbol.dispose]();
      const again = openSync('/dev/null', 'r');
      expect(again).toBe(probe);
      expect(fstatSync(again).isCharacterDevice()).toBe(true);
      closeSync(again);
    });
  },
);

function whyNoKoffi(): string | undefined {
  try {
    loadKoffi();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
