import { librtasAbsence } from './librtas/librtas-source.js';
import { opalAbsence } from './opal/opal-source.js';
import { paprAbsence } from './papr/papr-source.js';

/** Sources that reach real firmware, best first. */
export const REAL_SOURCES = ['papr', 'librtas', 'opal'] as const;
export type RealSourceName = (typeof REAL_SOURCES)[number];

export interface SourcePlaces {
  /** Of OPAL's dumps; default: where the kernel puts it. */
  readonly opalDir?: string | undefined;
}

export interface FoundSource {
  /** Undefined: this machine has none. */
  readonly name: RealSourceName | undefined;
  /** Why each one before it was passed over. */
  readonly absent: Readonly<Partial<Record<RealSourceName, string>>>;
}

/** Why a source cannot be used on this machine; undefined where it can. */
export function absenceOf(name: RealSourceName, { opalDir }: SourcePlaces = {}): string | undefined {
  switch (name) {
    case 'papr':
      return paprAbsence();
    case 'librtas':
      return librtasAbsence();
    case 'opal':
      return opalAbsence(opalDir);
  }
}

/** The first source that is there. Looks at files only. */
export function findRealSource(places: SourcePlaces = {}): FoundSource {
  const absent: Partial<Record<RealSourceName, string>> = {};
  for (const name of REAL_SOURCES) {
    const absence = absenceOf(name, places);
    if (absence === undefined) return { name, absent };
    absent[name] = absence;
  }
  return { name: undefined, absent };
}
