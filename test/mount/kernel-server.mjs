// Serves a memory filesystem over the kernel transport (TRANSPORT=fuse-native: over that one), and does what the parent
// says over IPC. Arguments: mount point, log level.
import { readdirSync, readlinkSync } from 'node:fs';
import { FsError } from '../../build/base/errno.js';
import { createLogger } from '../../build/base/log.js';
import { kernelTransport } from '../../build/fuse/kernel/kernel-transport.js';
import { fuseNativeTransport } from '../../build/fuse/native/native-transport.js';
import { createMemoryFilesystem } from '../support/memory-filesystem.mjs';

const [mountpoint, level = 'warn', ...kernelOptions] = process.argv.slice(2);
const log = createLogger({ level, format: 'text' });
const memory = createMemoryFilesystem(FsError);
const transport = process.env.TRANSPORT === fuseNativeTransport.name ? fuseNativeTransport : kernelTransport;
let mounted;

const commands = {
  add: ({ name, size }) => memory.add(name, size).ino,
  resize: ({ name, size }) => void (memory.files.get(name).size = size),
  forgetSize: ({ name }) => void (memory.files.get(name).sizeKnown = false),
  remove: ({ name }) => memory.remove(name),
  hold: ({ operation, prefix }) => memory.hold(operation, prefix),
  letGo: ({ operation }) => memory.letGo(operation),
  emit: ({ change }) => memory.emit(change),
  stats: () => ({
    calls: memory.calls,
    waiting: memory.waiting(),
    openFiles: memory.openFiles.size,
    lookups: memory.lookups.size,
    pinned: memory.pinned(),
    delivered: [...memory.files.values()].map((file) => file.delivered),
    devices: readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === '/dev/fuse').length,
    rss: process.memoryUsage.rss(),
    cpu: process.cpuUsage(),
  }),
  unmount: ({ timeoutMs }) => mounted.unmount(timeoutMs),
  crash: () =>
    void setImmediate(() => {
      throw new Error('a mistake');
    }),
  exit: ({ status }) => setImmediate(() => process.exit(status)),
};

function linkOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

process.on('message', async ({ id, command, ...values }) => {
  try {
    const value = await commands[command](values);
    process.send({ id, value });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
});

try {
  mounted = await transport.mount(memory.filesystem, {
    mountpoint,
    fsname: 'memory',
    allowOther: false,
    readOnly: false,
    kernelOptions,
    log,
  });
  mounted.ended.then(() => process.send?.({ event: 'ended' }));
  process.send({ event: 'mounted' });
} catch (error) {
  process.send({ event: 'failed', name: error.name, message: error.message });
  process.disconnect();
}
