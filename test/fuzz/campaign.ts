import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CodeReached } from './code-reached.js';
import { inputsOf, readCorpus, textOf } from './corpus.js';
import { Mutator } from './mutate.js';
import type { FuzzTarget } from './target.js';

interface Order {
  readonly seconds: number;
  readonly seed: number;
  readonly corpus: string;
  /** The input at hand; before it, in the first words, how many were tried and its length. */
  readonly shared: SharedArrayBuffer;
}

interface Outcome {
  readonly tried: number;
  readonly functions: number;
  readonly explored: readonly string[];
  readonly grownBytes: number;
}

const MOST_BYTES = 4096;
const WORDS = 2;
/** Inputs between two looks at what they reached. */
const BATCH = 256;
/** An input that takes so long hangs, on however busy a machine. */
const HANG_MS = 30_000;
const HEAP_MIB = 256;
const SWEEP_MS = 100;
/** A heap that is larger after a campaign than after its first tenth, by more than what the explored inputs take. */
const GROWN_BYTES = 48 * 1024 ** 2;

/** The thread's side of what the main thread sees even of a thread that hangs. */
class AtHand {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared, 0, WORDS);
    this.#bytes = new Uint8Array(shared, WORDS * Int32Array.BYTES_PER_ELEMENT);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT + MOST_BYTES);
  }

  begin(input: Uint8Array): void {
    this.#bytes.set(input);
    Atomics.store(this.#words, 1, input.length);
    Atomics.add(this.#words, 0, 1);
  }

  get tried(): number {
    return Atomics.load(this.#words, 0);
  }

  get input(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#words, 1));
  }
}

class Campaign {
  readonly #target: FuzzTarget;
  readonly #atHand: AtHand;
  readonly #code: CodeReached;
  readonly #mutator: Mutator;
  readonly #explored: Uint8Array[] = [];
  readonly #kept: Uint8Array[];

  constructor(target: FuzzTarget, { seed, corpus, shared }: Order) {
    this.#target = target;
    this.#atHand = new AtHand(shared);
    this.#mutator = new Mutator(this.#target.words, seed, MOST_BYTES);
    this.#kept = inputsOf(this.#target, readCorpus(this.#target, corpus)).map(([, input]) => input);
    if (this.#kept.length === 0) this.#kept.push(new Uint8Array(0));
    this.#code = new CodeReached(import.meta.url);
  }

  async run(seconds: number): Promise<Outcome> {
    for (const input of this.#kept) await this.#try(input);
    this.#code.hasNews(true);
    const begun = performance.now();
    const passedMs = (): number => performance.now() - begun;
    let usedBytes: number | undefined;
    while (passedMs() < seconds * 1000) {
      await this.#explore(this.#batch());
      if (usedBytes === undefined && passedMs() > seconds * 100) usedBytes = await bytesInUse();
    }
    const { tried } = this.#atHand;
    const explored = this.#explored.map((input) => textOf(this.#target, input));
    const { functions } = this.#code;
    return { tried, functions, explored, grownBytes: (await bytesInUse()) - (usedBytes ?? 0) };
  }

  #batch(): Uint8Array[] {
    const all = [...this.#kept, ...this.#explored];
    return Array.from({ length: BATCH }, () => {
      // The latest ones lead on.
      const from = this.#mutator.below(3) === 0 ? all.slice(-8) : all;
      return this.#mutator.mutate(this.#mutator.oneOf(from) ?? new Uint8Array(0), all);
    });
  }

  /** Keeps those that reach something for the first time. To look costs as much as many inputs, so halves are looked at. */
  async #explore(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) await this.#try(input);
    const isOne = inputs.length === 1;
    if (!this.#code.hasNews(isOne)) return;
    if (isOne) this.#explored.push(...inputs);
    else {
      const middle = inputs.length >> 1;
      await this.#explore(inputs.slice(0, middle));
      await this.#explore(inputs.slice(middle));
    }
  }

  async #try(input: Uint8Array): Promise<void> {
    this.#atHand.begin(input);
    await this.#target.run(input);
  }
}

/** After everything that nobody holds was thrown away: memory that threads share goes later, and elsewhere. */
async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  for (let times = 0; times < 3; times += 1) {
    (runInNewContext('gc') as () => void)();
    await sleep(SWEEP_MS);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What a campaign comes to, as a line of JSON on standard output. */
type Report = Partial<Outcome> & { readonly tried: number; readonly find?: { why: string; input: string } };

/** In the main thread. */
function oversee(target: FuzzTarget, order: Order): Promise<Report> {
  const atHand = new AtHand(order.shared);
  const found = (why: string): Report => ({
    tried: atHand.tried,
    find: { why, input: textOf(target, atHand.input) },
  });
  return new Promise((resolve) => {
    const worker = new Worker(fileURLToPath(import.meta.url), {
      argv: process.argv.slice(2),
      workerData: order,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    let last = -1;
    const watchdog = setInterval(() => {
      if (atHand.tried === last) void worker.terminate().then(() => resolve(found('hangs')));
      last = atHand.tried;
    }, HANG_MS);
    worker.on('error', (error) => resolve(found(error.stack ?? error.message)));
    worker.on('message', (outcome: Outcome) =>
      resolve(outcome.grownBytes > GROWN_BYTES ? found(`grew by ${outcome.grownBytes} bytes`) : outcome),
    );
    worker.on('exit', () => clearInterval(watchdog));
  });
}

/**
 * Looks for inputs that break a promise: changes inputs, and goes on with those that reach code for the first time. Run by
 * `npm run fuzz`, bundled into one script with what calls it, which starts that script once more as a thread: the thread
 * tries, and the main thread looks whether it still gets on.
 *
 * @param targets one of which the command line names; behind it seconds, seed and the directory of its corpus
 */
export async function campaignOn(targets: readonly FuzzTarget[]): Promise<void> {
  const [name = '', seconds = '', seed = '', corpus = ''] = process.argv.slice(2);
  const target = targets.find((each) => each.name === name);
  if (target === undefined)
    throw new Error(`no target ${name}: ${targets.map((each) => each.name).join(', ')}`);
  if (isMainThread) {
    const shared = AtHand.allocate();
    const order = { seconds: Number(seconds), seed: Number(seed), corpus, shared };
    process.stdout.write(`${JSON.stringify(await oversee(target, order))}\n`);
  } else {
    const order = workerData as Order;
    parentPort?.postMessage(await new Campaign(target, order).run(order.seconds));
  }
}
