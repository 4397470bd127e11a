import { constants } from 'node:fs';
import { FsError } from '../../base/errno.js';
import type {
  Attributes,
  DirectoryEntry,
  Filesystem,
  RefusedOperation,
  RequestContext,
  StatFs,
} from '../../fs/index.js';
import { ROOT_INO } from '../../fs/index.js';
import type { HeldName, PathWalk } from './path-walk.js';
import type { ReadsInFlight } from './reads-in-flight.js';
import type { RequestContexts } from './request-contexts.js';

interface OpenFile {
  readonly fh: number;
  /** As it was opened: libfuse passes on no later change. */
  readonly isDirect: boolean;
  readonly name: HeldName;
}

/** The largest handle that the addon passes on unharmed: it is a signed 32-bit number there, and 0 means none. */
const MAX_HANDLE = 2 ** 31 - 1;

/** libfuse keeps a copy of the listing for each open directory, some 64 bytes an entry: 64 MiB of them in all. */
const MAX_LISTED_ENTRIES = 1024 * 1024;

/** libfuse's path operations, done by a `Filesystem`. */
export class Adapter {
  readonly #filesystem: Filesystem;
  readonly #walk: PathWalk;
  readonly #requests: RequestContexts;
  readonly #reads: ReadsInFlight;
  readonly #files = new Map<number, OpenFile>();
  #lastHandle = 0;
  #openDirectories = 0;

  constructor(filesystem: Filesystem, walk: PathWalk, requests: RequestContexts, reads: ReadsInFlight) {
    this.#filesystem = filesystem;
    this.#walk = walk;
    this.#requests = requests;
    this.#reads = reads;
  }

  /**
   * For stat(2) as well as for a lookup, which libfuse does not tell apart. A lookup must not wait for the size: the
   * kernel locks the directory for it, and `rm` of another dump would wait too. The first request for a name is one for
   * certain, and the kernel asks again for the attributes before anybody sees them.
   */
  getattr(path: string): Promise<Attributes> {
    return this.#requests.run((context) =>
      this.#walk.visit(path, context, ({ ino, firstSeen }) => {
        if (firstSeen === undefined) return this.#filesystem.getattr(ino, context);
        this.#walk.met(path, ino);
        return firstSeen;
      }),
    );
  }

  /** The kernel asks through a handle when a read is about to cross the end that it knows. */
  async fgetattr(handle: number): Promise<Attributes> {
    const { fh, name } = this.#file(handle);
    return this.#requests.run((context) => this.#filesystem.getattr(name.ino, context, fh));
  }

  /** @throws ENFILE when libfuse would keep too many copies of the listing @returns no handle */
  opendir(): Promise<number> {
    return this.#requests.run((context) => this.#opendir(context));
  }

  #opendir(context: RequestContext): number {
    this.#filesystem.opendir(ROOT_INO, context);
    if ((this.#openDirectories + 1) * this.#filesystem.statfs().files > MAX_LISTED_ENTRIES)
      throw new FsError('ENFILE', 'too many open directories', { fields: { open: this.#openDirectories } });
    this.#openDirectories += 1;
    return 0;
  }

  releasedir(): void {
    this.#openDirectories -= 1;
  }

  /** The whole listing at once: libfuse keeps it for as long as the directory is open. */
  readdir(): readonly DirectoryEntry[] {
    return [...this.#filesystem.readdir(0)];
  }

  open(path: string, flags: number): Promise<number> {
    return this.#requests.run((context) =>
      this.#walk.visit(path, context, (inode) => {
        const name = inode.hold();
        try {
          return this.#add({
            fh: this.#filesystem.open(inode.ino, flags, context),
            isDirect: (flags & constants.O_DIRECT) !== 0,
            name,
          });
        } catch (error) {
          name.release();
          throw error;
        }
      }),
    );
  }

  /** @returns bytes put into `into`; fewer than fit only at the true end of the dump */
  async read(handle: number, into: Uint8Array, offset: number): Promise<number> {
    const { fh, isDirect, name } = this.#file(handle);
    const answered = this.#reads.begin(name.ino);
    try {
      return await this.#requests.run(async (context) => {
        using bytes = await this.#filesystem.read(fh, offset, into.length, context, isDirect);
        let at = 0;
        for (const segment of bytes.segments) {
          into.set(segment, at);
          at += segment.length;
        }
        // libfuse writes the reply on its own thread and does not say what came of it: this is as near as one gets.
        bytes.delivered();
        return at;
      });
    } finally {
      answered();
    }
  }

  release(handle: number): void {
    const { fh, name } = this.#file(handle);
    this.#files.delete(handle);
    this.#filesystem.release(fh);
    name.release();
  }

  unlink(path: string): Promise<void> {
    return this.#requests.run((context) => this.#walk.unlink(path, context));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#requests.run((context) => this.#walk.rename(from, to, context));
  }

  access(path: string, mask: number): Promise<void> {
    return this.#requests.run((context) =>
      this.#walk.visit(path, context, ({ ino }) => this.#filesystem.access(ino, mask, context)),
    );
  }

  statfs(): StatFs {
    return this.#filesystem.statfs();
  }

  /** @returns bytes of the value; nothing is copied when `into` is empty @throws ERANGE when it does not fit */
  getxattr(path: string, attribute: string, into: Uint8Array): Promise<number> {
    return this.#requests.run((context) =>
      this.#walk.visit(path, context, async ({ ino }) =>
        fill(into, await this.#filesystem.getxattr(ino, attribute, context)),
      ),
    );
  }

  /** Names, each closed by a NUL. As `getxattr`. */
  listxattr(path: string, into: Uint8Array): Promise<number> {
    return this.#requests.run((context) =>
      this.#walk.visit(path, context, ({ ino }) => {
        const names = this.#filesystem.listxattr(ino).map((name) => `${name}\0`);
        return fill(into, Buffer.from(names.join('')));
      }),
    );
  }

  refuse(operation: RefusedOperation): never {
    throw this.#filesystem.refuse(operation);
  }

  /** Closes what the kernel left open when the mount ended. */
  closeAll(): void {
    for (const handle of [...this.#files.keys()]) this.release(handle);
  }

  #add(file: OpenFile): number {
    do this.#lastHandle = this.#lastHandle === MAX_HANDLE ? 1 : this.#lastHandle + 1;
    while (this.#files.has(this.#lastHandle));
    this.#files.set(this.#lastHandle, file);
    return this.#lastHandle;
  }

  #file(handle: number): OpenFile {
    const file = this.#files.get(handle);
    if (file === undefined) throw new FsError('EBADF', 'the handle is not open', { fields: { handle } });
    return file;
  }
}

/** The kernel asks with an empty buffer for the size, then again with a large enough one. */
function fill(into: Uint8Array, value: Uint8Array): number {
  if (into.length === 0) return value.length;
  if (value.length > into.length)
    throw new FsError('ERANGE', 'extended attribute is too long', { severity: 'debug' });
  into.set(value);
  return value.length;
}
