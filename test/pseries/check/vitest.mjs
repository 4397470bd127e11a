// As much of vitest as the contract suites use, for a machine on which the real one would start for minutes.
// One line per test: "ok NAME", "FAIL NAME" or "skip NAME".
import { isDeepStrictEqual } from 'node:util';

const suites = [];
let current;

export function describe(name, body) {
  const outer = current;
  current = { name: outer ? `${outer.name}: ${name}` : name, before: [], after: [], tests: [] };
  suites.push(current);
  body();
  current = outer;
}
describe.skipIf = (skip) => (skip ? (name) => print('skip', name) : describe);

export const beforeEach = (hook) => current.before.push(hook);
export const afterEach = (hook) => current.after.push(hook);
export const test = (name, body) => current.tests.push({ name, body });
test.each = (rows) => (name, body) => {
  for (const row of rows) test(name.replace(/%[a-z]/, String(row)), () => body(row));
};

class Skipped extends Error {}

setImmediate(async () => {
  for (const { name: suite, before, after, tests } of suites) {
    for (const { name, body } of tests) {
      const full = `${suite}: ${name}`;
      try {
        for (const hook of before) await hook();
        try {
          await body({
            skip: (why) => {
              throw new Skipped(why);
            },
          });
        } finally {
          for (const hook of after) await hook();
        }
        print('ok', full);
      } catch (error) {
        if (error instanceof Skipped) print('skip', `${full} (${error.message})`);
        else print('FAIL', `${full}\n${error.stack}`.replace(/\n/g, '\n    '));
      }
    }
  }
});

function print(outcome, what) {
  console.log(`${outcome} ${what}`);
  if (outcome === 'FAIL') process.exitCode = 1;
}

export function expect(actual) {
  const matchers = Object.entries(MATCHERS).map(([name, holds]) => [name, holds]);
  const build = (wanted) =>
    Object.fromEntries(
      matchers.map(([name, holds]) => [
        name,
        (...args) => {
          if (holds(actual, ...args) !== wanted)
            throw new Error(
              `expected ${shown(actual)}${wanted ? '' : ' not'} ${name} ${args.map(shown).join(', ')}`,
            );
        },
      ]),
    );
  return { ...build(true), not: build(false) };
}

const MATCHERS = {
  toBe: (actual, wanted) => Object.is(actual, wanted),
  toEqual: (actual, wanted) => isDeepStrictEqual(actual, wanted),
  toMatchObject: (actual, wanted) =>
    Object.entries(wanted).every(([key, value]) => isDeepStrictEqual(actual[key], value)),
  toBeTypeOf: (actual, type) => typeof actual === type,
  toHaveLength: (actual, length) => actual.length === length,
  toMatch: (actual, pattern) => new RegExp(pattern).test(actual),
  toBeGreaterThan: (actual, least) => actual > least,
  toThrow: (actual) => {
    try {
      actual();
      return false;
    } catch {
      return true;
    }
  },
};

function shown(value) {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value, plain) ?? String(value));
}

const plain = (_key, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value);
