import { createHash } from 'node:crypto';
import type { PaprDevice } from '../../../src/rtas/index.js';

/** What is done with a handle: `create`, `close`, `invalidate`, `invalidate-other` (by another tag), `read N`. */
export interface Scenario {
  readonly name: string;
  readonly sizeBytes: number;
  /** Lines for the emulated hypervisor's `.fault` file. */
  readonly faults?: readonly string[];
  /** The same for the simulator's side file. */
  readonly simFaults?: readonly object[];
  readonly operations: string;
}

const WHOLE = 'create, read 4096 * 4, read 4096';

/** The same script of operations for the kernel's driver and for the simulator. Sizes are small: each call counts. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'refusals and the end',
    sizeBytes: 10_000,
    operations:
      'create, create, invalidate, read 1023, read 1024, invalidate, read 4096, read 4096, invalidate-other, ' +
      'read 4096, read 4096, read 4096, read 100, read 4096, invalidate, invalidate, read 4096, close, ' +
      'create, read 4096, read 4096, invalidate, close',
  },
  {
    name: 'odd lengths',
    sizeBytes: 20_000,
    operations: 'create, read 4095, read 4097, read 65536, read 1024, close',
  },
  {
    name: 'end by a short argument',
    sizeBytes: 1000,
    operations: 'create, read 4096, read 1, read 1, close',
  },
  { name: 'exactly one chunk', sizeBytes: 4096, operations: `${WHOLE}, invalidate, close` },
  {
    name: 'exactly two chunks',
    sizeBytes: 8192,
    operations: 'create, read 4096, read 4096, invalidate, close',
  },
  { name: 'one byte', sizeBytes: 1, operations: `${WHOLE}, close` },
  {
    name: 'restart',
    sizeBytes: 9000,
    operations: 'create, read 4096, close, create, read 4096, read 4096, read 4096, read 4096, close',
  },
  {
    name: 'continue with no bytes',
    sizeBytes: 9000,
    faults: ['zero 2 4096'],
    simFaults: [{ at: 4096, empty: 2 }],
    operations:
      'create, read 4096, read 4096, invalidate, read 4096, read 4096, read 4096, read 4096, read 4096, close',
  },
  {
    name: 'begins with no bytes',
    sizeBytes: 5000,
    faults: ['zero 1'],
    simFaults: [{ at: 0, empty: 1 }],
    operations: `${WHOLE}, invalidate, close`,
  },
  {
    name: 'ends with no bytes',
    sizeBytes: 8192,
    faults: ['tail-zero'],
    simFaults: [{ at: 8192, status: 0 }],
    operations: 'create, read 4096, read 4096, invalidate, read 4096, invalidate, read 4096, close',
  },
  {
    name: 'hardware error once',
    sizeBytes: 9000,
    faults: ['eio-once-at 4096'],
    simFaults: [{ at: 4096, status: -1 }],
    operations:
      'create, read 4096, read 4096, invalidate, read 4096, read 4096, read 4096, invalidate, close',
  },
  {
    name: 'hardware error for ever',
    sizeBytes: 9000,
    faults: ['eio-at 4096'],
    simFaults: [{ at: 4096, status: -1, times: 'always' }],
    operations:
      'create, read 4096, read 4096, read 4096, invalidate, close, create, read 4096, read 4096, close',
  },
  {
    name: 'not authorized in the middle',
    sizeBytes: 9000,
    faults: ['status -9002 1 4096'],
    simFaults: [{ at: 4096, status: -9002 }],
    operations: 'create, read 4096, read 4096, invalidate, read 4096, read 4096, read 4096, close',
  },
  {
    name: 'unknown status',
    sizeBytes: 9000,
    faults: ['status 77 1 4096'],
    simFaults: [{ at: 4096, status: 77 }],
    operations: 'create, read 4096, read 4096, read 4096, read 4096, read 4096, close',
  },
  {
    name: 'busy and delays',
    sizeBytes: 9000,
    faults: ['busy 3', 'delay 9900 2 4096', 'delay 9901 1 8192'],
    simFaults: [
      { at: 0, status: -2, times: 3 },
      { at: 4096, status: 9900, times: 2 },
      { at: 8192, status: 9901 },
    ],
    operations: `${WHOLE}, invalidate, close`,
  },
  {
    name: 'invalidation fails once',
    sizeBytes: 5000,
    faults: ['invalidate -1 1'],
    simFaults: [{ at: 'invalidate', status: -1 }],
    operations: `${WHOLE}, invalidate, invalidate, read 4096, close, ${WHOLE}, invalidate, close`,
  },
  {
    name: 'invalidation not authorized',
    sizeBytes: 5000,
    faults: ['invalidate -9002 1'],
    simFaults: [{ at: 'invalidate', status: -9002 }],
    operations: `${WHOLE}, invalidate, close`,
  },
];

export function tagOf(index: number): bigint {
  return 0x6_0000_0000n + BigInt(index);
}

/** Does what a scenario says; one line for each operation: what came of it. */
export function transcript(device: PaprDevice, scenario: Scenario, tag: bigint): string[] {
  let handle = -1;
  const one = (operation: string): string => {
    const [what = '', length] = operation.split(' ');
    switch (what) {
      case 'create': {
        const created = device.createHandle(tag);
        handle = created;
        return 'a handle';
      }
      case 'close':
        device.close(handle);
        return 'closed';
      case 'invalidate':
        device.invalidate(handle, tag);
        return 'invalidated';
      case 'invalidate-other':
        device.invalidate(handle, tag + 1n);
        return 'invalidated';
      default:
        return described(device, handle, Number(length));
    }
  };
  return listed(scenario.operations).map((operation) => {
    try {
      return `${scenario.name}: ${operation}: ${one(operation)}`;
    } catch (thrown) {
      return `${scenario.name}: ${operation}: ${(thrown as NodeJS.ErrnoException).code ?? String(thrown)}`;
    }
  });
}

function described(device: PaprDevice, handle: number, length: number): string {
  const buffer = new Uint8Array(length);
  const bytes = device.read(handle, buffer);
  const digest = createHash('sha256').update(buffer.subarray(0, bytes)).digest('hex');
  return `${bytes} bytes ${digest.slice(0, 16)}`;
}

/** `read 4096 * 3` stands for three of them. */
function listed(operations: string): string[] {
  return operations.split(', ').flatMap((operation) => {
    const [what = '', times = '1'] = operation.split(' * ');
    return Array<string>(Number(times)).fill(what);
  });
}
