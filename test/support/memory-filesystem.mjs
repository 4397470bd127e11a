// Plain JavaScript, so that test servers in child processes can load it beside the compiled program.
import { createHash } from 'node:crypto';

/** Content repeats with a prime period: bytes at the wrong place are wrong bytes. */
const PERIOD = 1_048_573;

/** @param FsError the class of the program under test: compiled or source */
export function createMemoryFilesystem(FsError) {
  const makeError = (code, message) => new FsError(code, message, { severity: 'debug' });
  const fail = (code, message) => {
    throw makeError(code, message);
  };
  /** @type {Map<string, any>} */
  const files = new Map();
  const byIno = new Map();
  const calls = {};
  const lookups = new Map();
  const openFiles = new Map();
  const listeners = new Set();
  const held = new Map();
  const waiters = new Set();
  let nextIno = 2;
  let nextFh = 1;
  let pinned = 0;

  const count = (operation) => (calls[operation] = (calls[operation] ?? 0) + 1);
  const known = (ino) => byIno.get(ino) ?? fail('ESTALE', `no inode ${ino}`);
  const entry = (file) => ({
    attributes: { ...attributes(file), ...(file.sizeKnown ? {} : { size: 2 ** 63, validMs: 0 }) },
    generation: 1,
    validMs: file.validMs,
  });

  /** @returns what `value` gives, now or when it is let go */
  function perhapsWait(operation, file, context, value) {
    if (!held.has(operation) || !file.name.startsWith(held.get(operation))) return value();
    return new Promise((resolve, reject) => {
      const waiter = { operation, go: () => (waiters.delete(waiter), resolve(value())) };
      waiters.add(waiter);
      context.signal.addEventListener('abort', () => {
        if (waiters.delete(waiter)) reject(makeError('EINTR', 'interrupted'));
      });
    });
  }

  function pin(file, offset, length) {
    const end = Math.min(offset + length, file.size);
    const segments = [];
    for (let at = offset; at < end;) {
      const part = content(file.name, at, Math.min(end - at, 65_536));
      segments.push(part);
      at += part.length;
    }
    const total = Math.max(0, end - offset);
    pinned += total;
    return {
      length: total,
      segments,
      delivered: () => (file.delivered += total),
      [Symbol.dispose]: () => (pinned -= total),
    };
  }

  const filesystem = {
    lookup(parent, name, context) {
      count('lookup');
      const file = parent === 1 ? files.get(name) : undefined;
      if (file === undefined) fail('ENOENT', `no file ${name}`);
      return perhapsWait('lookup', file, context, () => {
        lookups.set(file.ino, (lookups.get(file.ino) ?? 0) + 1);
        return entry(file);
      });
    },
    forget(ino, times) {
      count('forget');
      const left = (lookups.get(ino) ?? 0) - times;
      if (left > 0) lookups.set(ino, left);
      else lookups.delete(ino);
    },
    getattr(ino, context, fh) {
      count(fh === undefined ? 'getattr' : 'fgetattr');
      if (ino === 1) return ROOT;
      const file = known(ino);
      return perhapsWait('getattr', file, context, () => attributes(file));
    },
    open(ino, flags) {
      count('open');
      if ((flags & 3) !== 0) fail('EACCES', 'read only');
      openFiles.set(nextFh, known(ino));
      return nextFh++;
    },
    read(fh, offset, length, context) {
      count('read');
      const file = openFiles.get(fh) ?? fail('EBADF', `no handle ${fh}`);
      return perhapsWait('read', file, context, () => pin(file, offset, length));
    },
    release(fh) {
      count('release');
      openFiles.delete(fh);
    },
    opendir() {
      count('opendir');
    },
    readdir(offset) {
      count('readdir');
      const dots = ['.', '..'].map((name) => ({ name, ino: 1, isDirectory: true }));
      const all = [
        ...dots,
        ...[...files.values()].map(({ name, ino }) => ({ name, ino, isDirectory: false })),
      ];
      return all.map((one, index) => ({ ...one, nextOffset: index + 1 })).slice(offset);
    },
    entryOf(ino) {
      count('entryOf');
      const file = byIno.get(ino);
      if (file === undefined) return undefined;
      lookups.set(ino, (lookups.get(ino) ?? 0) + 1);
      return entry(file);
    },
    unlink(parent, name, context) {
      count('unlink');
      const file = (parent === 1 && files.get(name)) || fail('ENOENT', `no file ${name}`);
      return perhapsWait('unlink', file, context, () => void files.delete(name));
    },
    access(ino, mask) {
      count('access');
      if ((mask & 2) !== 0) fail('EACCES', 'read only');
    },
    statfs: () => ({ blockSize: 4096, blocks: 1000, files: files.size, nameMax: 255 }),
    getxattr(ino, name, context) {
      count('getxattr');
      const file = ino === 1 ? undefined : known(ino);
      if (file === undefined || name !== 'user.memory.name') fail('ENODATA', `no attribute ${name}`);
      return perhapsWait('getxattr', file, context, () => Buffer.from(file.name));
    },
    listxattr: (ino) => (ino === 1 ? [] : ['user.memory.name']),
    refuse(operation) {
      return makeError(operation.includes('xattr') ? 'ENOTSUP' : 'EPERM', `${operation} is refused`);
    },
    onKernelCacheChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  return {
    filesystem,
    files,
    calls,
    lookups,
    openFiles: {
      get size() {
        return openFiles.size;
      },
      has: (fh) => openFiles.has(fh),
    },
    pinned: () => pinned,
    add(name, size) {
      const file = { name, ino: nextIno++, size, validMs: 60_000, sizeKnown: true, delivered: 0 };
      files.set(name, file);
      byIno.set(file.ino, file);
      return file;
    },
    remove: (name) => files.delete(name),
    hold: (operation, prefix = '') => held.set(operation, prefix),
    letGo(operation) {
      held.delete(operation);
      for (const waiter of [...waiters]) if (waiter.operation === operation) waiter.go();
    },
    waiting: () => waiters.size,
    emit(change) {
      for (const listener of listeners) listener(change);
    },
  };
}

export function memoryContent(name, offset, length) {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const part = content(name, offset + done, length - done);
    bytes.set(part, done);
    done += part.length;
  }
  return bytes;
}

export function memoryDigest(name, size) {
  const hash = createHash('sha256');
  for (let at = 0; at < size;) {
    const part = content(name, at, size - at);
    hash.update(part);
    at += part.length;
  }
  return hash.digest('hex');
}

const periods = new Map();

/** A view of the content from `offset`, up to `length` bytes or the end of a period. */
function content(name, offset, length) {
  let period = periods.get(name);
  if (period === undefined) {
    period = new Uint8Array(new SharedArrayBuffer(PERIOD));
    let state = 1;
    for (const letter of name) state = (state * 31 + letter.charCodeAt(0)) >>> 0;
    for (let index = 0; index < PERIOD; index += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      period[index] = state >>> 24;
    }
    periods.set(name, period);
  }
  const start = offset % PERIOD;
  return period.subarray(start, Math.min(start + length, PERIOD));
}

const TIMES = { mtimeMs: 1_700_000_000_123, uid: process.getuid(), gid: process.getgid() };
const ROOT = { ino: 1, mode: 0o40_755, nlink: 2, size: 0, validMs: 1000, ...TIMES };

function attributes(file) {
  const { ino, validMs } = file;
  return { ino, mode: 0o100_444, nlink: 1, size: file.size, validMs, ...TIMES };
}
