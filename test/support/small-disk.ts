import { spawnSync } from 'node:child_process';
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

/** A small file system of its own, in which everything may go wrong. Root makes them. */
export class SmallDisk implements Disposable {
  readonly directory: string;
  readonly #image: string | undefined;
  #device: string | undefined;

  private constructor(directory: string, image?: string) {
    this.directory = directory;
    this.#image = image;
  }

  /** @throws Error where nothing may be mounted, as both */
  static inMemory(parent: string, sizeBytes: number): SmallDisk {
    const disk = new SmallDisk(mkdtempSync(join(parent, 'disk-')));
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0700`, 'tmpfs', disk.directory);
    return disk;
  }

  /**
   * On a loop device whose file can be cut off: what lies behind its end can neither be read nor written.
   * @param options of mount(8)
   */
  static onDevice(parent: string, sizeBytes: number, options = 'rw'): SmallDisk {
    const image = join(parent, 'image');
    writeFileSync(image, '');
    truncateSync(image, sizeBytes);
    run('mkfs.ext4', '-q', '-O', '^has_journal', '-E', 'lazy_itable_init=0', image);
    const disk = new SmallDisk(mkdtempSync(join(parent, 'disk-')), image);
    disk.#device = run('losetup', '--find', '--show', image);
    run('mount', '-o', options, disk.#device, disk.directory);
    return disk;
  }

  fail(): void {
    if (this.#image !== undefined) truncateSync(this.#image, MIB);
  }

  /** Takes all the room there is. */
  fill(): void {
    spawnSync('dd', ['if=/dev/zero', `of=${join(this.directory, 'others')}`, 'bs=64K']);
  }

  [Symbol.dispose](): void {
    run('umount', '-l', this.directory);
    if (this.#device !== undefined) run('losetup', '--detach', this.#device);
  }
}
