import type { MessagePort, Worker } from 'node:worker_threads';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { startThread } from '../../base/start-thread.js';
import type { DeviceReaderData, DeviceReaderEnd } from './device-reader.js';
import { STOP, STOP_AND_CLOSE } from './device-reader-control.js';

/** Requests taken at a time before promises and timers have their turn. */
const MAX_BATCH = 64;

/** How long a thread that was woken may take to end. */
const END_MS = 1000;

/** The main thread's side of the thread that reads the device. */
export class DeviceReaderThread {
  /** Resolves when the thread has ended. It has let go of the descriptor by then, and every request was passed on. */
  readonly ended: Promise<DeviceReaderEnd>;
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #onRequest: (message: Uint8Array) => void;
  #end: DeviceReaderEnd = { reason: 'broken', error: 'the thread ended without a word' };

  constructor(fd: number, onRequest: (message: Uint8Array) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#onRequest = onRequest;
    const workerData: DeviceReaderData = { fd, port: port2, control: this.#control.buffer };
    const worker = startThread('fuse/kernel/device-reader.js', {
      workerData,
      transferList: [port2],
      execArgv: [],
      name: 'fuse-reader',
    });
    port1.on('message', (message: unknown) => {
      this.#take(message);
      this.#takeAll(MAX_BATCH);
    });
    worker.on('error', (error) => (this.#end = { reason: 'broken', error: String(error) }));
    this.ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#takeAll(Infinity);
        port1.close();
        resolve(this.#end);
      });
    });
    this.#worker = worker;
  }

  /** Makes the thread end when it next looks up from the device: a read that waits is not cut short by this. */
  requestStop(): void {
    Atomics.store(this.#control, 0, STOP);
    Atomics.notify(this.#control, 0);
  }

  /**
   * The same for a process that exits, at once and without the event loop: the thread closes the device as well.
   *
   * @param wake Makes the kernel send one more request; may wait until the device is closed.
   * @returns whether the thread has ended
   */
  endNow(wake: () => void): boolean {
    Atomics.store(this.#control, 0, STOP_AND_CLOSE);
    Atomics.notify(this.#control, 0);
    if (Atomics.load(this.#control, 1) === 0) wake();
    return Atomics.wait(this.#control, 1, 0, END_MS) !== 'timed-out';
  }

  /** Lets the event loop end although the thread has not: it could not be woken. */
  unref(): void {
    this.#worker.unref();
    this.#port.unref();
  }

  /** One event may stand for many requests. */
  #takeAll(limit: number): void {
    for (let count = 0; count < limit; count += 1) {
      const next = receiveMessageOnPort(this.#port) as { message: unknown } | undefined;
      if (next === undefined) return;
      this.#take(next.message);
    }
  }

  #take(message: unknown): void {
    if (message instanceof ArrayBuffer) this.#onRequest(new Uint8Array(message));
    else this.#end = message as DeviceReaderEnd;
  }
}
