import { existsSync } from 'node:fs';
import { hidesDumps } from './level.js';
import { LevelFile } from './level-file.js';

/** How the level is to be looked at, for a thread other than the gate's. */
export interface LevelLookSpec {
  /** Undefined: the level is ignored, as told. */
  readonly path: string | undefined;
  /** Where the gate started, nothing was there, and that meant no lockdown. */
  readonly absentIsOpen: boolean;
}

/** A look at the level from another thread than the gate's: says no more than whether the gate has to be asked. */
export class LevelLook {
  readonly #file: LevelFile | undefined;
  readonly #absentIsOpen: boolean;
  #wasThere = false;

  constructor({ path, absentIsOpen }: LevelLookSpec) {
    this.#file = path === undefined ? undefined : new LevelFile(path);
    this.#absentIsOpen = absentIsOpen;
  }

  /** Reads the level now. False: the gate decides. */
  isOpen(): boolean {
    if (this.#file === undefined) return true;
    if (this.#absentIsOpen && !existsSync(this.#file.path)) return !this.#wasThere;
    this.#wasThere = true;
    if (this.#absentIsOpen) return false;
    const reading = this.#file.read();
    return reading.kind === 'level' && !hidesDumps(reading.level);
  }
}
