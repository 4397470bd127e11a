import type { BenchCase } from './case.js';
import { coldCopy } from './cases/cold-copy.js';
import { firstByte } from './cases/first-byte.js';
import { memory } from './cases/memory.js';
import { metadata } from './cases/metadata.js';
import { onePass } from './cases/one-pass.js';
import { parallelDumps } from './cases/parallel-dumps.js';
import { spoolRead } from './cases/spool-read.js';
import { start } from './cases/start.js';
import { warmRead } from './cases/warm-read.js';

/** All rows of the table, in its order. Another family is one file that exports its cases, and one line here. */
export const CASES: readonly BenchCase[] = [
  ...coldCopy,
  ...onePass,
  ...parallelDumps,
  ...warmRead,
  ...spoolRead,
  ...firstByte,
  ...metadata,
  ...memory,
  ...start,
];
