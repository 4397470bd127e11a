import { Kept } from '../support/kept.js';
import type { Succession } from '../support/succession.js';
import { whatAnotherDumpGets, whatReadersSee } from '../support/succession.js';

const SUCCESSION: Succession<Kept> = {
  how: 'restart with a kept device',
  of: (cell) => Kept.of(cell),
  again: (kept, meanwhile) => kept.restart(meanwhile),
};

whatReadersSee(SUCCESSION);
whatAnotherDumpGets(SUCCESSION);
