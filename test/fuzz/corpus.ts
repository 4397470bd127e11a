import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FuzzTarget } from './target.js';
import { latin1 } from './target.js';

/** The inputs of a target that are kept: `corpus/NAME.json`. */
export interface Corpus {
  /** What it is made for. */
  readonly seeds: Readonly<Record<string, string>>;
  /** What broke a promise once, under a name that says which. */
  readonly finds: Readonly<Record<string, string>>;
  /** What reached code that nothing before it had reached. */
  readonly explored: readonly string[];
}

export function readCorpus({ name }: FuzzTarget, directory: string): Corpus {
  const path = join(directory, `${name}.json`);
  const empty = { seeds: {}, finds: {}, explored: [] };
  return existsSync(path)
    ? { ...empty, ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<Corpus>) }
    : empty;
}

/** All inputs, by a name for messages. */
export function inputsOf(target: FuzzTarget, corpus: Corpus): [string, Uint8Array][] {
  const named = [...Object.entries(corpus.seeds), ...Object.entries(corpus.finds)];
  const numbered = corpus.explored.map((text, at) => [`explored ${at}`, text] as const);
  return [...named, ...numbered].map(([name, text]) => [name, inputOf(target, text)]);
}

/** As it stands in a corpus. */
export function textOf({ isText }: FuzzTarget, input: Uint8Array): string {
  return isText ? latin1(input) : Buffer.from(input).toString('hex');
}

function inputOf({ isText }: FuzzTarget, text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(isText ? '' : ' ', ''), isText ? 'latin1' : 'hex'));
}
