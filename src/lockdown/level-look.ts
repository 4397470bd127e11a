import { existsSync } from 'node:fs';
import { hidesDumps } from './level.js';
import { LevelFile } from './level-file.js';

/** How the level is to be looked at, for a thread other than the gate's. */
export interface LevelLookSpec {
  /** Undefined: the level is ignored, as told. */
  readonly path: string | undefined;
  /**
   * Nothing was there when the gate started, and that meant no lockdown: how long to rely on it before the next look, in
   * milliseconds. The gate itself looks no more often. Undefined: the file has to be there.
   */
  readonly absentForMs: number | undefined;
}

/** A look at the level from another thread than the gate's: says no more than whether the gate has to be asked. */
export class LevelLook {
  readonly #file: LevelFile | undefined;
  readonly #absentForMs: number | undefined;
  #lookedForItAtMs = -Infinity;
  #wasThere = false;

  constructor({ path, absentForMs }: LevelLookSpec) {
    this.#file = path === undefined ? undefined : new LevelFile(path);
    this.#absentForMs = absentForMs;
  }

  /** Reads the level now. False: the gate decides. */
  isOpen(): boolean {
    if (this.#file === undefined) return true;
    if (this.#absentForMs !== undefined) return this.#isStillAbsent(this.#file.path, this.#absentForMs);
    const reading = this.#file.read();
    return reading.kind === 'level' && !hidesDumps(reading.level);
  }

  #isStillAbsent(path: string, reliedOnMs: number): boolean {
    const now = performance.now();
    if (!this.#wasThere && now - this.#lookedForItAtMs >= reliedOnMs) {
      this.#wasThere = existsSync(path);
      this.#lookedForItAtMs = now;
    }
    return !this.#wasThere;
  }
}
