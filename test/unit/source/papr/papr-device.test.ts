import { constants, openSync, readFileSync } from 'node:fs';
import { constants as errnos } from 'node:os';
import { expect, test, vi } from 'vitest';
import { loadKoffi } from '../../../../src/base/koffi.js';
import { CREATE_HANDLE, INVALIDATE, KernelPaprDevice } from '../../../../src/source/papr/papr-device.js';

test.each([
  { name: 'CREATE_HANDLE', value: CREATE_HANDLE, wanted: 2_148_053_510 },
  { name: 'INVALIDATE', value: INVALIDATE, wanted: 2_148_053_511 },
])('$name has PowerPC encoding, unsigned', ({ value, wanted }) => {
  expect(value).toBe(wanted);
});

// Real system calls, on devices of every Linux machine that know nothing of these commands.
test('KernelPaprDevice.createHandle fails with the errno of ioctl(2) and leaves no descriptor open', () => {
  const before = nextDescriptor();
  const device = new KernelPaprDevice('/dev/null');
  expect(() => device.createHandle(0x2_0000_0001n)).toThrow(expect.objectContaining({ code: 'ENOTTY' }));
  expect(nextDescriptor()).toBe(before);
});

test('KernelPaprDevice.createHandle names the device that is not there', () => {
  const device = new KernelPaprDevice('/nonexistent/papr-platform-dump');
  expect(() => device.createHandle(1n)).toThrow('/nonexistent/papr-platform-dump');
  expect(() => device.createHandle(1n)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test.each([1, 4096, 5000, 65_536])('KernelPaprDevice.read asks for at most 4096 bytes of %i', (length) => {
  const device = new KernelPaprDevice();
  const fd = openSync('/dev/zero', 'r');
  try {
    expect(device.read(fd, new Uint8Array(new SharedArrayBuffer(length)))).toBe(Math.min(length, 4096));
  } finally {
    device.close(fd);
  }
});

test('KernelPaprDevice.read puts what it has read where it was told, and no further', () => {
  const device = new KernelPaprDevice();
  const fd = openSync('/proc/self/cmdline', 'r');
  try {
    const all = new Uint8Array(new SharedArrayBuffer(100)).fill(7);
    const bytes = device.read(fd, all.subarray(10, 14));
    const text = Buffer.from(readFileSync('/proc/self/cmdline').subarray(0, 4));
    expect(bytes).toBe(4);
    expect(Buffer.from(all)).toEqual(Buffer.concat([Buffer.alloc(10, 7), text, Buffer.alloc(86, 7)]));
    // At the descriptor's own position.
    expect(device.read(fd, all.subarray(0, 1))).toBe(1);
    expect(all[0]).toBe(readFileSync('/proc/self/cmdline')[4]);
  } finally {
    device.close(fd);
  }
});

test('KernelPaprDevice.read fails with the errno of read(2)', () => {
  const fd = openSync('/proc/self', constants.O_DIRECTORY);
  const device = new KernelPaprDevice();
  try {
    const into = new Uint8Array(new SharedArrayBuffer(4096));
    expect(() => device.read(fd, into)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => device.read(9999, into)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  } finally {
    device.close(fd);
  }
});

test('KernelPaprDevice.invalidate and close fail with the errno of the system call', () => {
  const device = new KernelPaprDevice();
  expect(() => device.invalidate(9999, 1n)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => device.close(9999)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('KernelPaprDevice takes errno before anything else can change it', () => {
  // Stands for what the engine does between two native calls: whoever asks koffi afterwards gets another errno.
  const errno = vi.spyOn(loadKoffi(), 'errno').mockReturnValue(errnos.errno.EPERM);
  try {
    const device = new KernelPaprDevice('/dev/null');
    expect(() => device.createHandle(1n)).toThrow(expect.objectContaining({ code: 'ENOTTY' }));
    expect(() => device.read(9999, new Uint8Array(4096))).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => device.invalidate(9999, 1n)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => device.close(9999)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  } finally {
    errno.mockRestore();
  }
});

test('KernelPaprDevice tells errnos apart while the engine collects garbage and compiles', () => {
  const device = new KernelPaprDevice('/dev/null');
  const codes = new Set<unknown>();
  const garbage: unknown[] = [];
  for (let round = 0; round < 20_000; round += 1) {
    garbage[round % 512] = new Array(round % 300).fill(`${round}`);
    const isDevice = round % 2 === 0;
    try {
      if (isDevice) device.createHandle(1n);
      else device.invalidate(9999, 1n);
    } catch (error) {
      codes.add(`${isDevice ? 'device' : 'closed'}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  expect(codes).toEqual(new Set(['device: ENOTTY', 'closed: EBADF']));
});

function nextDescriptor(): number {
  const fd = openSync('/dev/null', 'r');
  new KernelPaprDevice().close(fd);
  return fd;
}
