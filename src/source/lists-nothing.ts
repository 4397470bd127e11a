import type { DumpSource } from './source.js';

const NOTHING: readonly never[] = [];

/** What a source without a listing of its own answers. */
export const LISTS_NOTHING = {
  lists: false,
  detail: () => undefined,
  list: () => NOTHING,
  onChange: () => () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
} as const satisfies Partial<DumpSource>;
