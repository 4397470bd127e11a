import type { BenchCase } from './case.js';
import { coldCopy } from './cases/cold-copy.js';
import { firstPage } from './cases/first-page.js';
import { listing } from './cases/listing.js';
import { lockdownRise } from './cases/lockdown-rise.js';
import { memory } from './cases/memory.js';
import { metadata } from './cases/metadata.js';
import { onePass } from './cases/one-pass.js';
import { parallelDumps } from './cases/parallel-dumps.js';
import { spoolRead } from './cases/spool-read.js';
import { start } from './cases/start.js';
import { unannounced } from './cases/unannounced.js';
import { warmRead } from './cases/warm-read.js';

/** All rows of the table, in its order. Another family is one file that exports its cases, and one line here. */
export const CASES: readonly BenchCase[] = [
  ...coldCopy,
  ...onePass,
  ...firstPage,
  ...unannounced,
  ...parallelDumps,
  ...warmRead,
  ...spoolRead,
  ...metadata,
  ...memory,
  ...start,
  ...lockdownRise,
  // Last: what they list stays until all is measured.
  ...listing,
];
