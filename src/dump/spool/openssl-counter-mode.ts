import { loadKoffi } from '../../rtas/index.js';
import type { CounterMode } from './counter-mode.js';
import { counterAt } from './counter-mode.js';
import { NodeCounterMode } from './node-counter-mode.js';

type Pointer = object;

/** openssl/evp.h. Those that return an int return 1 for success. */
interface LibCrypto {
  readonly newContext: () => Pointer | null;
  readonly aes256Ctr: () => Pointer;
  readonly init: (
    context: Pointer,
    cipher: Pointer,
    engine: null,
    key: Uint8Array,
    counter: Uint8Array,
  ) => number;
  readonly update: (
    context: Pointer,
    out: Uint8Array,
    written: Int32Array,
    bytes: Uint8Array,
    length: number,
  ) => number;
  readonly reset: (context: Pointer) => number;
}

/**
 * Counter mode by the OpenSSL that Node itself has in it, called directly: it encrypts from and to any memory. Node's own
 * interface makes a new buffer for each answer, which costs three times as much as the cipher, and can decrypt nothing
 * without leaving copies of it behind.
 *
 * @see openssl EVP_EncryptInit(3)
 */
export class OpenSslCounterMode implements CounterMode {
  readonly #crypto: LibCrypto;
  readonly #context: Pointer;
  readonly #written = new Int32Array(1);

  /** @throws Error when koffi is missing, or OpenSSL is not to be found in this process, or answers wrong */
  constructor() {
    this.#crypto = loadLibCrypto();
    const context = this.#crypto.newContext();
    if (context === null) throw new Error('OpenSSL has no memory');
    this.#context = context;
    this.#check();
  }

  seal(key: Uint8Array, offset: number, blocks: readonly Uint8Array[], into: Uint8Array): void {
    let at = 0;
    this.#run(key, offset, blocks, (block) => {
      const out = into.subarray(at, at + block.length);
      at += block.length;
      return out;
    });
  }

  unseal(key: Uint8Array, offset: number, blocks: readonly Uint8Array[]): void {
    this.#run(key, offset, blocks, (block) => block);
  }

  #run(
    key: Uint8Array,
    offset: number,
    blocks: readonly Uint8Array[],
    target: (block: Uint8Array) => Uint8Array,
  ): void {
    const { aes256Ctr, init, update, reset } = this.#crypto;
    try {
      demand(init(this.#context, aes256Ctr(), null, key, counterAt(offset)), 'EVP_EncryptInit_ex');
      for (const block of blocks)
        demand(update(this.#context, target(block), this.#written, block, block.length), 'EVP_EncryptUpdate');
    } finally {
      // Overwrites what OpenSSL has made of the key.
      reset(this.#context);
    }
  }

  /** Whatever library answers under these names: dumps are not entrusted to it unseen. */
  #check(): void {
    const key = Uint8Array.from({ length: 32 }, (_, at) => at);
    const text = Uint8Array.from({ length: 100 }, (_, at) => 3 * at);
    const [ours, nodes] = [this, new NodeCounterMode()].map((mode: CounterMode) => {
      const sealed = new Uint8Array(text.length);
      mode.seal(key, 2 ** 40, [text], sealed);
      return sealed;
    });
    if (ours === undefined || nodes === undefined || Buffer.compare(ours, nodes) !== 0)
      throw new Error('OpenSSL encrypts otherwise than Node says');
  }
}

function loadLibCrypto(): LibCrypto {
  const library = loadKoffi().load(null);
  const pointer = 'void *';
  return {
    newContext: library.func('EVP_CIPHER_CTX_new', pointer, []) as LibCrypto['newContext'],
    aes256Ctr: library.func('EVP_aes_256_ctr', pointer, []) as LibCrypto['aes256Ctr'],
    init: library.func('EVP_EncryptInit_ex', 'int', Array<string>(5).fill(pointer)) as LibCrypto['init'],
    update: library.func('EVP_EncryptUpdate', 'int', [
      ...Array<string>(4).fill(pointer),
      'int',
    ]) as LibCrypto['update'],
    reset: library.func('EVP_CIPHER_CTX_reset', 'int', [pointer]) as LibCrypto['reset'],
  };
}

function demand(result: number, call: string): void {
  if (result !== 1) throw new Error(`${call} failed`);
}
