import type { OptionForms, SettingsOf } from '../../base/option-form.js';
import { path } from '../../base/option-values.js';
import type { SourceDefinition } from '../source-definition.js';
import { OPAL_DIRECTORY, opalAbsence, openOpalSource } from './opal-source.js';

const options = {
  opalDir: {
    kind: 'optional',
    group: 'Where dumps come from',
    metavar: 'PATH',
    parse: path,
    usedWhileServing: true,
    summary: `directory of OPAL's dumps (default: ${OPAL_DIRECTORY})`,
  },
} as const satisfies OptionForms;

type OpalSettings = SettingsOf<typeof options>;

export const opal = {
  name: 'opal',
  options,
  isReal: true,
  needsKoffi: false,
  absence: ({ opalDir }: OpalSettings) => opalAbsence(opalDir),
  presence: ({ opalDir = OPAL_DIRECTORY }: OpalSettings) => `${opalDir} is there`,
  rival: {
    process: 'opal_errd',
    finding: 'opal_errd runs, and its extract_opal_dump makes firmware forget each dump',
    remedy: 'stop opal_errd, or let it run extract_opal_dump -A',
  },
  open: ({ opalDir }: OpalSettings, context) => openOpalSource({ dir: opalDir, ...context }),
} as const satisfies SourceDefinition<OpalSettings>;
