import { appendFileSync } from 'node:fs';

/** Says what a part of the torture came to: at once, and once more among all of them at the end (`scripts/torture.mjs`). */
export function report(line: string): void {
  process.stdout.write(`${line}\n`);
  const path = process.env['TORTURE_FIGURES'];
  if (path !== undefined) appendFileSync(path, `${line}\n`);
}

export const ROUNDS = Number(process.env['TORTURE_ROUNDS'] ?? 9);
export const SEED = Number(process.env['TORTURE_SEED'] ?? 1);

/** With fewer rounds than `scripts/torture.mjs` calls long ones, what differs in nothing but the amount is left out. */
export const IS_SHORT = ROUNDS < 100;

/** What the long version does `whole` times, as often as the asked-for rounds are of 300. */
export function scaled(whole: number): number {
  return Math.max(1, Math.round((whole * ROUNDS) / 300));
}

/** mulberry32: numbers from 0 to 1 that a seed decides. */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
