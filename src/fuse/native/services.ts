import type { Attributes, DirectoryEntry, RefusedOperation } from '../../fs/index.js';
import { ROOT_INO } from '../../fs/index.js';
import type { Adapter } from './adapter.js';
import type { OperationName } from './addon.js';
import type { Serve, Service } from './service.js';
import { buffered, plain } from './service.js';
import { entryWords, NO_STAT, NO_STATFS, statfsWords, statWords } from './stat-words.js';

export function serveAttributes(serve: Serve, adapter: Adapter): void {
  serve(
    'getattr',
    stat((path: string) => adapter.getattr(path)),
  );
  serve(
    'fgetattr',
    stat((_path: string, handle: number) => adapter.fgetattr(handle)),
  );
  serve(
    'access',
    plain((path: string, mask: number) => adapter.access(path, mask)),
  );
  serve('statfs', {
    run: () => adapter.statfs(),
    reply: (statfs) => [0, statfsWords(statfs)],
    fail: (errno) => [errno, NO_STATFS],
  });
  serve(
    'getxattr',
    buffered(2, (path: string, name: string, into: Buffer) => adapter.getxattr(path, name, into)),
  );
  serve(
    'listxattr',
    buffered(1, (path: string, into: Buffer) => adapter.listxattr(path, into)),
  );
}

export function serveNames(serve: Serve, adapter: Adapter): void {
  serve(
    'unlink',
    plain((path: string) => adapter.unlink(path)),
  );
  serve(
    'rename',
    plain((from: string, to: string) => adapter.rename(from, to)),
  );
  serve(
    'opendir',
    handle(() => adapter.opendir()),
  );
  serve(
    'releasedir',
    plain(() => adapter.releasedir()),
  );
  serve('readdir', {
    run: () => adapter.readdir(),
    reply: (entries) => [0, ...listing(entries)],
    fail: (errno) => [errno, [], []],
  });
}

/** `flush` and `fsync` are left out: libfuse answers them itself, and the kernel stops asking. */
export function serveFiles(serve: Serve, adapter: Adapter): void {
  serve(
    'open',
    handle((path: string, flags: number) => adapter.open(path, flags)),
  );
  serve(
    'release',
    plain((_path: string, opened: number) => adapter.release(opened)),
  );
  serve<ReadArgs, number>('read', {
    run: (_path, opened, into, _length, low, high) => adapter.read(opened, into, low + high * 2 ** 32),
    reply: (bytes, args) => [bytes, bytes, args[2].buffer],
    fail: (errno, args) => [errno, 0, args[2].buffer],
  });
}

type ReadArgs = readonly [
  path: string,
  opened: number,
  into: Buffer,
  length: number,
  low: number,
  high: number,
];

/** What would change something. `rename` is among the names: libfuse uses it for its own ends. */
export function serveRefusals(serve: Serve, adapter: Adapter): void {
  for (const [name, operation] of REFUSED)
    serve(
      name,
      plain(() => adapter.refuse(operation)),
    );
  serve(
    'create',
    handle(() => adapter.refuse('create')),
  );
  serve(
    'setxattr',
    buffered(2, () => adapter.refuse('setxattr')),
  );
  serve<ReadArgs, never>('write', {
    run: () => adapter.refuse('write'),
    reply: (_value, args) => [0, 0, args[2].buffer],
    fail: (errno, args) => [errno, 0, args[2].buffer],
  });
}

const REFUSED: readonly (readonly [OperationName, RefusedOperation])[] = [
  ['mkdir', 'mkdir'],
  ['mknod', 'mknod'],
  ['link', 'link'],
  ['symlink', 'symlink'],
  ['rmdir', 'rmdir'],
  ['removexattr', 'removexattr'],
  ['truncate', 'setattr'],
  ['ftruncate', 'setattr'],
  ['chmod', 'setattr'],
  ['chown', 'setattr'],
  ['utimens', 'setattr'],
];

function stat<Args extends readonly unknown[]>(
  run: Service<Args, Attributes>['run'],
): Service<Args, Attributes> {
  return {
    run,
    reply: (attributes) => [0, statWords(attributes)],
    fail: (errno) => [errno, NO_STAT],
  };
}

/** The addon takes 0 for "no handle". */
function handle<Args extends readonly unknown[]>(run: Service<Args, number>['run']): Service<Args, number> {
  return { run, reply: (opened) => [0, opened], fail: (errno) => [errno, 0] };
}

function listing(entries: readonly DirectoryEntry[]): [names: string[], stats: Uint32Array[]] {
  const names = ['.', '..'];
  const stats = [entryWords(ROOT_INO, true), entryWords(ROOT_INO, true)];
  for (const { name, ino, isDirectory } of entries) {
    if (name === '.' || name === '..') continue;
    names.push(name);
    stats.push(entryWords(ino, isDirectory));
  }
  return [names, stats];
}
