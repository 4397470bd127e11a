import type { Logger } from '../../base/log.js';
import { answer } from '../answer.js';
import type { Adapter } from './adapter.js';
import type { Callback, FuseAddon, OperationName } from './addon.js';
import type { Serve, Service } from './service.js';
import { plain } from './service.js';
import { serveAttributes, serveFiles, serveNames, serveRefusals } from './services.js';

/** Number of operations the addon has room for. */
const OPERATIONS = 35;

/** The tables that the addon mounts with: which callbacks there are, and the functions behind them. */
export interface Callbacks {
  readonly functions: readonly (Callback | undefined)[];
  readonly implemented: Uint32Array;
}

/**
 * Lets the addon call an `Adapter`.
 *
 * @param onInit Called when the kernel and libfuse have agreed on a protocol.
 */
export function createCallbacks(
  addon: FuseAddon,
  adapter: Adapter,
  log: Logger,
  onInit: () => void,
): Callbacks {
  const functions: (Callback | undefined)[] = new Array<undefined>(OPERATIONS);
  const implemented = new Uint32Array(OPERATIONS);
  const serve: Serve = (name, service) => {
    functions[addon[`op_${name}`]] = callback(addon, name, service, log);
    implemented[addon[`op_${name}`]] = 1;
  };
  serve('init', plain(onInit));
  serveAttributes(serve, adapter);
  serveNames(serve, adapter);
  serveFiles(serve, adapter);
  serveRefusals(serve, adapter);
  return { functions, implemented };
}

/** Each call has to end in a signal: a worker thread waits for it, and whoever asked the kernel waits for the worker. */
function callback<Args extends readonly unknown[], T>(
  addon: FuseAddon,
  name: OperationName,
  service: Service<Args, T>,
  log: Logger,
): Callback {
  const signal = addon[`fuse_native_signal_${name}`];
  return (worker, _operation, ...raw) => {
    const args = raw as unknown as Args;
    const asked = {
      operation: name,
      perform: () => service.run(...args),
      succeed: (value: T) => signal(worker, ...service.reply(value, args)),
      fail: (errno: number) => signal(worker, ...service.fail(errno, args)),
    };
    void answer(asked, log);
  };
}
