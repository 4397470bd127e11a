import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { Listeners } from '../../base/listeners.js';
import type { Logger } from '../../base/log.js';
import type { DumpTag } from '../../base/tag.js';
import { dumpTag, tagName } from '../../base/tag.js';
import { threadEntry } from '../../base/thread-entry.js';
import type { ContentSpec, DirectoryDump, Discipline, DumpFacts, MachineSpec, SideFile } from './index.js';
import {
  createDumpFacts,
  createHandleMemory,
  createMachineMemory,
  DumpDirectory,
  DumpRecord,
  MachineState,
  NO_SIDE_FILE,
} from './index.js';
import type { DriverSpec, DumpSource, ListedAnnouncement } from '../source.js';

interface SampleDump {
  readonly tag: DumpTag;
  /** Bytes. */
  readonly size: number;
  /** Whether the size was announced; if not, the dump's own directory tells it. */
  readonly sizeAnnounced: boolean;
}

/** What the simulated hypervisor holds when nobody says what it should hold. */
const SAMPLE_DUMPS: readonly SampleDump[] = [
  { tag: dumpTag(0x0000_0001_0100_0002n), size: 5_182_368, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0002_0000_0001n), size: 50_335_745, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0003_0000_0001n), size: 1_048_589, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0007_0000_0001n), size: 300_007, sizeAnnounced: false },
];

export interface SimSourceOptions {
  /** Directory whose files named by tag are the dumps. */
  readonly dir?: string | undefined;
  /** Generated dumps, sizes in bytes. Without these and without a directory there are samples. */
  readonly dumps: readonly { readonly tag: DumpTag; readonly size: number }[];
  /** Duration of each simulated call in microseconds, where no side file says otherwise. */
  readonly latencyUs: number;
  readonly discipline: Discipline;
  readonly traceChannel?: string | undefined;
  readonly log: Logger;
}

/** A dump that the simulated hypervisor holds, as the main thread knows it. */
interface HeldDump {
  readonly content: ContentSpec;
  readonly side: SideFile;
  /** Of the file, where there is one. */
  readonly version: string | undefined;
  readonly incarnation: number;
  readonly announcement: ListedAnnouncement | undefined;
  /** Made when somebody opens the dump first. */
  facts?: DumpFacts;
}

/** Handles of tags asked for are kept for so many tags; names that nobody announced must not fill the memory. */
const MAX_HANDLES = 16_384;

/**
 * The simulated hypervisor as a source of dumps.
 *
 * @throws Error in one line when the directory cannot be read, a side file there is wrong, or a tag is given twice
 */
export function openSimSource(options: SimSourceOptions): DumpSource {
  return new SimSource(options);
}

class SimSource implements DumpSource {
  readonly name = 'sim';
  readonly lists = true;
  readonly resumable: boolean;
  readonly invalidateNeedsFinishedPass: boolean;
  // What it imitates does not.
  readonly knowsIncarnations = false;
  readonly driver: DriverSpec;
  readonly #machine: MachineState;
  readonly #directory: DumpDirectory | undefined;
  readonly #channel: BroadcastChannel;
  readonly #dumps = new Map<DumpTag, HeldDump>();
  readonly #handles = new Map<DumpTag, SharedArrayBuffer>();
  readonly #changes = new Listeners<void>();
  #announced: readonly ListedAnnouncement[] | undefined;
  #incarnations = 0;
  #seenChanges = 0;

  constructor(options: SimSourceOptions) {
    const spec = machineSpec(options);
    this.resumable = options.discipline === 'librtas';
    this.invalidateNeedsFinishedPass = options.discipline === 'papr';
    this.driver = { module: threadEntry('source/sim/sim-driver.js').href, data: spec };
    this.#machine = new MachineState(spec.memory);
    this.#holdGenerated(options);
    this.#directory = this.#openDirectory(options);
    this.#channel = this.#listen(spec.channel);
  }

  detail(tag: DumpTag): DumpFacts {
    this.#dropGone();
    // A file may have come or changed a moment ago, so whoever asks by name gets the present one.
    this.#directory?.find(tag);
    this.#follow(tag);
    const dump = this.#dumps.get(tag);
    const handle = this.#handleOf(tag);
    if (dump === undefined) return createDumpFacts(tag, null, { handle });
    const { content, incarnation, side } = dump;
    dump.facts ??= createDumpFacts(tag, content, { incarnation, side, handle });
    return dump.facts;
  }

  list(): readonly ListedAnnouncement[] {
    this.#dropGone();
    this.#announced ??= [...this.#dumps.values()].flatMap(({ announcement }) => announcement ?? []);
    return this.#announced;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.subscribe(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    this.#directory?.[Symbol.dispose]();
    return Promise.resolve();
  }

  #holdGenerated({ dir, dumps }: SimSourceOptions): void {
    const samples = dir === undefined && dumps.length === 0 ? SAMPLE_DUMPS : [];
    for (const { tag, size } of dumps) {
      if (this.#dumps.has(tag)) throw new Error(`simulated dump ${tagName(tag)} is given twice`);
      this.#hold(tag, { kind: 'generated', size }, { side: NO_SIDE_FILE });
    }
    for (const { tag, size, sizeAnnounced } of samples)
      this.#hold(
        tag,
        { kind: 'generated', size },
        { side: sizeAnnounced ? NO_SIDE_FILE : { ...NO_SIDE_FILE, announcedSize: null } },
      );
  }

  #openDirectory({ dir, log }: SimSourceOptions): DumpDirectory | undefined {
    if (dir === undefined) return undefined;
    const directory = new DumpDirectory(dir, { log, reserved: new Set(this.#dumps.keys()) });
    for (const dump of directory.values()) this.#holdFile(dump);
    directory.onChange((tags) => {
      for (const tag of tags) this.#follow(tag);
      this.#changes.emit();
    });
    return directory;
  }

  /** Firmware, in whatever thread, says that a dump went away. */
  #listen(name: string): BroadcastChannel {
    const channel = new BroadcastChannel(name);
    channel.onmessage = () => {
      this.#dropGone();
      this.#changes.emit();
    };
    channel.unref();
    return channel;
  }

  #hold(
    tag: DumpTag,
    content: ContentSpec,
    about: { side: SideFile; version?: string; mtimeMs?: number },
  ): void {
    this.#incarnations += 1;
    const incarnation = this.#incarnations;
    const { announced, announcedSize = content.size } = about.side;
    const announcement: ListedAnnouncement = {
      tag,
      incarnation: String(incarnation),
      ...(announcedSize === null ? {} : { size: announcedSize, sizeOrigin: 'announced' }),
      announcedAtMs: about.mtimeMs,
    };
    const { side, version } = about;
    this.#dumps.set(tag, {
      content,
      side,
      version,
      incarnation,
      announcement: announced ? announcement : undefined,
    });
    this.#announced = undefined;
  }

  #holdFile({ tag, file, side, version }: DirectoryDump): void {
    this.#hold(tag, { kind: 'file', ...file }, { side, version, mtimeMs: file.mtimeMs });
  }

  /** Brings what is held under a tag in line with the directory. */
  #follow(tag: DumpTag): void {
    const now = this.#directory?.get(tag);
    const held = this.#dumps.get(tag);
    if (held?.version === now?.version) return;
    if (held?.facts !== undefined) new DumpRecord(held.facts.record).leave('vanished');
    if (now !== undefined) this.#holdFile(now);
    else if (this.#dumps.delete(tag)) this.#announced = undefined;
  }

  /** Drops the dumps that firmware has forgotten since the last look. */
  #dropGone(): void {
    const changes = this.#machine.changes;
    if (changes === this.#seenChanges) return;
    this.#seenChanges = changes;
    for (const [tag, { facts }] of this.#dumps) {
      if (facts === undefined || new DumpRecord(facts.record).present) continue;
      this.#dumps.delete(tag);
      this.#directory?.forget(tag);
      this.#announced = undefined;
    }
  }

  #handleOf(tag: DumpTag): SharedArrayBuffer {
    const known = this.#handles.get(tag);
    if (known !== undefined) return known;
    const handle = createHandleMemory();
    const [oldest] = this.#handles.keys();
    if (this.#handles.size >= MAX_HANDLES && oldest !== undefined) this.#handles.delete(oldest);
    this.#handles.set(tag, handle);
    return handle;
  }
}

function machineSpec({ discipline, latencyUs, traceChannel }: SimSourceOptions): MachineSpec {
  const channel = `platdumpfs-sim-${randomUUID()}`;
  return { memory: createMachineMemory(), channel, discipline, latencyUs, traceChannel };
}
