import type { SettingsOf } from '../base/option-form.js';
import type { SourceDefinition } from './source-definition.js';
import { librtas } from './librtas/definition.js';
import { opal } from './opal/definition.js';
import { papr } from './papr/definition.js';
import { sim } from './sim/definition.js';

/** The one place that names sources. Those that bring dumps of firmware stand best first. */
const ALL = [papr, librtas, opal, sim] as const;

type Intersected<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/** The options of all sources. */
export const SOURCE_OPTIONS = Object.assign({}, ...ALL.map(({ options }) => options)) as Intersected<
  (typeof ALL)[number]['options']
>;

export type SourceSettings = SettingsOf<typeof SOURCE_OPTIONS>;
export type AnySource = SourceDefinition<SourceSettings>;

export const SOURCES: readonly AnySource[] = ALL;
