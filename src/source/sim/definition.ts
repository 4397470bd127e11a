import type { OptionForms, SettingsOf } from '../../base/option-form.js';
import { oneOf, path, tagWithSize, wholeNumber } from '../../base/option-values.js';
import type { SourceDefinition } from '../source-definition.js';
import { openSimSource } from './sim-source.js';

const MAX_LATENCY_US = 1_000_000_000;
const group = 'Simulated hypervisor';

const options = {
  simDir: {
    kind: 'optional',
    group,
    metavar: 'DIR',
    parse: path,
    usedWhileServing: true,
    summary: 'the simulated dumps are the files in DIR that are named by tag',
  },
  simDump: {
    kind: 'repeated',
    group,
    metavar: 'TAG:SIZE',
    parse: tagWithSize,
    summary: 'a generated dump of that size instead of the samples; repeatable',
  },
  simLatencyUs: {
    kind: 'value',
    group,
    metavar: 'N',
    default: '0',
    parse: wholeNumber(MAX_LATENCY_US),
    summary: 'duration of each simulated firmware call in microseconds',
  },
  simDiscipline: {
    kind: 'value',
    group,
    metavar: 'papr|librtas',
    default: 'papr',
    parse: oneOf('papr', 'librtas'),
    summary: 'papr: forward only, one handle per dump; librtas: any earlier sequence may be resumed',
  },
} as const satisfies OptionForms;

type SimSettings = SettingsOf<typeof options>;

export const sim = {
  name: 'sim',
  options,
  isReal: false,
  needsKoffi: false,
  absence: () => undefined,
  presence: () => 'the simulated hypervisor works everywhere',
  open: ({ simDir, simDump, simLatencyUs, simDiscipline }: SimSettings, context) =>
    openSimSource({
      dir: simDir,
      dumps: simDump,
      latencyUs: simLatencyUs,
      discipline: simDiscipline,
      ...context,
    }),
} as const satisfies SourceDefinition<SimSettings>;
