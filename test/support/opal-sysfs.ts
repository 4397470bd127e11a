import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SAMPLE = fileURLToPath(new URL('../data/opal-sysfs/firmware/opal/dump', import.meta.url));

/** Stands for what the kernel does with OPAL's directory: a write to `acknowledge` makes the dump's directory go. */
export class FakeOpalSysfs implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'platdumpfs-opal-'));

  /** The two dumps of ppc64-diag's own test: type 0xffffffff, ids 1 and 2, 512 bytes each. */
  static sample(): FakeOpalSysfs {
    const sysfs = new FakeOpalSysfs();
    cpSync(SAMPLE, sysfs.dir, { recursive: true });
    return sysfs;
  }

  add(name: string, { id, type, content }: { id: string; type: string; content: Uint8Array }): void {
    const path = join(this.dir, name);
    mkdirSync(path);
    writeFileSync(join(path, 'id'), id);
    writeFileSync(join(path, 'type'), type);
    writeFileSync(join(path, 'acknowledge'), HELP);
    writeFileSync(join(path, 'dump'), content);
  }

  remove(name: string): void {
    rmSync(join(this.dir, name), { recursive: true });
  }

  /** Carries out what was acknowledged. The kernel does it within the write. */
  carryOut(): void {
    for (const entry of readdirSync(this.dir, { withFileTypes: true }))
      if (entry.isDirectory() && !isHelp(join(this.dir, entry.name, 'acknowledge'))) this.remove(entry.name);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true });
  }
}

const HELP = 'ack - acknowledge dump\n';

function isHelp(path: string): boolean {
  return readFileSync(path, 'utf8') === HELP;
}
