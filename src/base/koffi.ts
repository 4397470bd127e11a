import { createRequire } from 'node:module';
import type * as KoffiModule from 'koffi';

export type Koffi = typeof KoffiModule;

const require = createRequire(import.meta.url);
let loaded: Koffi | undefined;

/**
 * The foreign function interface, loaded when somebody needs it first: an optional dependency, since only real firmware
 * and mounts by a user other than root cannot do without. Each thread loads its own.
 *
 * @throws Error in one line that says what to install
 */
export function loadKoffi(): Koffi {
  loaded ??= requireKoffi();
  return loaded;
}

/** The file of the native part, once that is loaded. */
export function koffiBinary(): string | undefined {
  return Object.keys(require.cache).find((path) => path.endsWith('/koffi.node'));
}

function requireKoffi(): Koffi {
  try {
    return require('koffi') as Koffi;
  } catch (error) {
    // With the package but without the part for this processor the message runs over several lines.
    const [reason] = (error as Error).message.split('\n');
    throw new Error(
      `the optional package koffi cannot be loaded (${reason ?? 'no reason given'}): ` +
        `install the optional dependencies, for this machine: npm install --os=linux --cpu=${process.arch}`,
      { cause: error },
    );
  }
}
