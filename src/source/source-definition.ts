import type { Logger } from '../base/log.js';
import type { OptionForms } from '../base/option-form.js';
import type { DumpSource } from './source.js';

/** A source as the rest of the program knows it before it is opened. Each folder exports one, `registry.ts` lists them. */
export interface SourceDefinition<Settings = unknown> {
  /** Value of `--source`. */
  readonly name: string;
  /** Its own options of the command line; what is given is in `Settings`. */
  readonly options: OptionForms;
  /**
   * True: brings dumps of this machine's firmware. False: it is taken only where it is named, and its dumps are nobody's
   * secret, so the lockdown level may stay unknown.
   */
  readonly isReal: boolean;
  /** Makes its calls through koffi. */
  readonly needsKoffi: boolean;
  /** Why it cannot be used on this machine; undefined where it can. Looks at files only. */
  absence(settings: Settings): string | undefined;
  /** What is there, for `doctor`; where nothing is absent. */
  presence(settings: Settings): string;
  /** Why a mount would come about and read nothing; undefined where it would read. Absent: opening shows it. */
  trouble?(): Remedied | undefined;
  /** Another program that takes the dumps away, by the name of its process. */
  readonly rival?: Remedied & { readonly process: string };
  /** What kernel lockdown at `integrity` does to it. Absent: nothing. */
  atIntegrity?(): IntegrityEffect;
  /** @throws SourceUnavailable, and Error in one line for settings that cannot be used */
  open(settings: Settings, context: OpenContext): DumpSource;
}

export interface OpenContext {
  /** Name of the `TraceDesk` that firmware calls are told to; undefined: nobody traces. */
  readonly traceChannel: string | undefined;
  readonly log: Logger;
}

export interface Remedied {
  readonly finding: string;
  readonly remedy: string;
}

export interface IntegrityEffect {
  readonly works: boolean;
  /** One line. */
  readonly text: string;
}

/** What kernel lockdown at `integrity` does to a source. */
export function integrityEffect(source: SourceDefinition<never>): IntegrityEffect {
  return source.atIntegrity?.() ?? { works: true, text: `source ${source.name} works as without lockdown` };
}
