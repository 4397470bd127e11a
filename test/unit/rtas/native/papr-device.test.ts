import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CREATE_HANDLE, INVALIDATE, KernelPaprDevice } from '../../../../src/rtas/index.js';

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

test('KernelPaprDevice.invalidate and close fail with the errno of the system call', () => {
  const device = new KernelPaprDevice();
  expect(() => device.invalidate(9999, 1n)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => device.close(9999)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

function nextDescriptor(): number {
  const fd = openSync('/dev/null', 'r');
  new KernelPaprDevice().close(fd);
  return fd;
}
