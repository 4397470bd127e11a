import { parseArgs } from 'node:util';
import { usageError } from '../exit-status.js';
import { splitMountList } from './mount-list.js';
import { standardMountWord } from './mount-words.js';
import type { AnyOption, Verb } from './option-kinds.js';
import { longName } from './option-kinds.js';
import type { OptionKey, Settings } from './option-table.js';
import { OPTIONS } from './option-table.js';

/** A command line, understood. */
export interface ParsedOptions {
  readonly settings: Settings;
  /** Options that the user gave, as opposed to defaults. */
  readonly given: ReadonlySet<OptionKey>;
  /** Further options for the kernel, from `-o`. */
  readonly kernelOptions: readonly string[];
  /** `-o remount`. */
  readonly remount: boolean;
  readonly positionals: readonly string[];
}

type Tokens = NonNullable<ReturnType<typeof parseArgs>['tokens']>;
type OptionToken = Extract<Tokens[number], { kind: 'option' }>;

/**
 * @param args what follows the command
 * @param sloppy pass over words of `-o` that nobody knows, as `mount -s` asks
 * @throws CommandError with status `usage`, naming option and value
 */
export function parseOptions(verb: Verb, args: readonly string[], sloppy = false): ParsedOptions {
  return new OptionReader(verb, sloppy).read(args);
}

/** The options that a command takes, in the order of `--help`. */
export function optionsOf(verb: Verb): [OptionKey, AnyOption][] {
  const all = Object.entries(OPTIONS) as [OptionKey, AnyOption][];
  return all.filter(([, option]) => option.verbs.includes(verb));
}

class OptionReader {
  readonly #verb: Verb;
  readonly #keyOf = new Map<string, OptionKey>();
  readonly #values = new Map<OptionKey, unknown>();
  readonly #kernelOptions = new Set<string>();
  readonly #positionals: string[] = [];
  readonly #sloppy: boolean;
  #remount = false;

  constructor(verb: Verb, sloppy: boolean) {
    this.#verb = verb;
    this.#sloppy = sloppy;
    for (const [key] of optionsOf(verb)) this.#keyOf.set(longName(key), key);
  }

  read(args: readonly string[]): ParsedOptions {
    for (const token of this.#tokens(args)) {
      if (token.kind === 'positional') this.#positionals.push(token.value);
      else if (token.kind === 'option') this.#option(token);
    }
    return {
      settings: this.#settings(),
      given: new Set(this.#values.keys()),
      kernelOptions: [...this.#kernelOptions],
      remount: this.#remount,
      positionals: this.#positionals,
    };
  }

  /** Not strict: the messages of `parseArgs` neither fit one line nor name what is allowed. */
  #tokens(args: readonly string[]): Tokens {
    const options = Object.fromEntries(
      optionsOf(this.#verb).map(([key, option]) => [longName(key), forParseArgs(option)]),
    );
    const mountList = this.#verb === 'mount' ? { o: { type: 'string', short: 'o' } as const } : {};
    return parseArgs({
      args: [...args],
      options: { ...options, ...mountList },
      strict: false,
      tokens: true,
      allowPositionals: true,
    }).tokens;
  }

  #option(token: OptionToken): void {
    const { name, rawName } = token;
    if (rawName === '-o' && this.#verb === 'mount') {
      this.#mountList(valueOf(token));
      return;
    }
    const key = this.#keyOf.get(name);
    if (key === undefined) throw usageError(`unknown option ${rawName} (see platdumpfs help ${this.#verb})`);
    if (OPTIONS[key].kind === 'flag') {
      if (token.value !== undefined) throw usageError(`${rawName} takes no value, got "${token.value}"`);
      this.#values.set(key, true);
    } else {
      this.#assign(key, rawName, valueOf(token));
    }
  }

  #mountList(text: string): void {
    for (const item of splitMountList(text)) {
      const key = this.#keyOf.get(item.name.replaceAll('_', '-'));
      if (key === undefined || isArgvOnly(OPTIONS[key])) this.#standardWord(item);
      else if (OPTIONS[key].kind === 'flag') this.#mountFlag(key, item);
      else if (item.value === undefined) throw usageError(`-o ${item.name} needs a value`);
      else this.#assign(key, `-o ${item.name}`, item.value);
    }
  }

  #mountFlag(key: OptionKey, item: { name: string; value?: string }): void {
    if (item.value !== undefined) throw usageError(`-o ${item.name} takes no value, got "${item.value}"`);
    this.#values.set(key, true);
  }

  #standardWord(item: { name: string; value?: string }): void {
    const word = standardMountWord(item);
    if (word === undefined) {
      if (this.#sloppy) return;
      throw usageError(`unknown option -o ${item.name} (see platdumpfs help ${this.#verb})`);
    }
    if (word.kind === 'remount') this.#remount = true;
    if (word.kind === 'kernel') this.#kernelOptions.add(word.option);
    if (word.kind === 'read-only') this.#values.set('readOnly', word.on);
  }

  #assign(key: OptionKey, spelling: string, text: string): void {
    const option: AnyOption = OPTIONS[key];
    if (option.kind === 'flag') return;
    const value = parseValue(option, spelling, text);
    if (option.kind !== 'repeated') this.#values.set(key, value);
    else this.#values.set(key, [...((this.#values.get(key) ?? []) as unknown[]), value]);
  }

  #settings(): Settings {
    const entries = (Object.entries(OPTIONS) as [OptionKey, AnyOption][]).map(([key, option]) => [
      key,
      this.#values.has(key) ? this.#values.get(key) : defaultOf(option),
    ]);
    // The table's types say what each parser returns; Object.fromEntries cannot follow them.
    return Object.fromEntries(entries) as Settings;
  }
}

function forParseArgs(option: AnyOption): { type: 'boolean' | 'string'; short?: string } {
  const type = option.kind === 'flag' ? 'boolean' : 'string';
  return option.short === undefined ? { type } : { type, short: option.short };
}

/** A value that looks like an option is a forgotten value more often than not. */
function valueOf(token: OptionToken): string {
  const { rawName, value, inlineValue } = token;
  if (value === undefined) throw usageError(`${rawName} needs a value`);
  if (!inlineValue && value.startsWith('-') && value.length > 1)
    throw usageError(
      `${rawName} needs a value, got "${value}"; a value that begins with - is written ${rawName}=${value}`,
    );
  return value;
}

function parseValue(option: Exclude<AnyOption, { kind: 'flag' }>, spelling: string, text: string): unknown {
  try {
    return option.parse(text);
  } catch (error) {
    throw usageError(`${spelling}: ${(error as Error).message}`);
  }
}

function defaultOf(option: AnyOption): unknown {
  if (option.kind === 'flag') return false;
  if (option.kind === 'repeated') return [];
  return option.kind === 'value' ? option.parse(option.default) : undefined;
}

function isArgvOnly(option: AnyOption): boolean {
  return option.argvOnly === true;
}
