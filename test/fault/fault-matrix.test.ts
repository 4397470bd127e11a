import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Cell, FaultName, FaultWorld, FaultyDump, PlaceName } from '../support/fault-worlds.js';
import { PLACES, driverWorld, simWorld } from '../support/fault-worlds.js';

/** `UPDATE_FAULTS=1` writes the table anew. */
const TABLE = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));

/** More attempts show nothing new: one in two is the same call again, the others are fresh passes. */
const ATTEMPTS = 6;
const TIMES = [1, 2, Infinity];
const PLACE_NAMES = Object.keys(PLACES) as PlaceName[];

/** What docs/errors.md promises for a fault, at a read or an invalidation. `none`: it is waited out. */
function documented(fault: FaultName, place: PlaceName, through: string): string {
  if (fault === -9002 || fault === 'EPERM') return 'EPERM';
  // How a librtas that goes through the character device says EALREADY.
  if (fault === 'EALREADY' || (fault === -3 && place === 'first call' && through.startsWith('librtas')))
    return 'EBUSY';
  return isWaitedOut(fault) ? 'none' : 'EIO';
}

function isWaitedOut(fault: FaultName): boolean {
  return fault === -2 || fault === 1 || (typeof fault === 'number' && fault >= 9900 && fault <= 9905);
}

const STATUSES = [-1, -3, -9002, -9001, 77, 2, -2, 9900, 9901, 1];
const ERRNOS = ['EIO', 'EPERM', 'EFAULT', 'EINVAL', 'ENOMEM', 'EINTR', 'ENODEV', 'EOPNOTSUPP'];
const CODES = [-1001, -1002, -1003, -1004, -1005, -1006, -1007, -1098, -1099, -1050];

/** "Continue" is no answer to "finished". What is waited out ends some time, or nothing can be seen. */
function isSensible({ fault, place, times }: Cell): boolean {
  if (isWaitedOut(fault) && times === Infinity) return false;
  return !(fault === 1 && place === 'invalidation');
}

function cellsOf(faults: readonly FaultName[], places: readonly PlaceName[] = PLACE_NAMES): Cell[] {
  return faults
    .flatMap((fault) => places.flatMap((place) => TIMES.map((times) => ({ fault, place, times }))))
    .filter(isSensible);
}

interface Column {
  readonly name: string;
  readonly group: 'RTAS status' | 'errno of the device' | 'librtas code';
  readonly cells: readonly Cell[];
  readonly world: (cells: readonly Cell[]) => FaultWorld;
}

const VARIANTS = [
  { discipline: 'papr', spool: false },
  { discipline: 'papr', spool: true },
  { discipline: 'librtas', spool: false },
  { discipline: 'librtas', spool: true },
] as const;

const COLUMNS: readonly Column[] = [
  ...VARIANTS.map((variant): Column => ({
    name: `${variant.discipline}${variant.spool ? ', spool' : ''}`,
    group: 'RTAS status',
    cells: cellsOf(STATUSES),
    world: (cells) => simWorld(cells, variant),
  })),
  {
    name: 'papr',
    group: 'errno of the device',
    cells: [...cellsOf(ERRNOS), ...cellsOf(['EALREADY'], ['first call'])],
    world: (cells) => driverWorld(cells, 'papr'),
  },
  {
    name: 'librtas',
    group: 'librtas code',
    cells: cellsOf(CODES),
    world: (cells) => driverWorld(cells, 'librtas'),
  },
];

/** What became of the cells of one fault at one place. */
interface Outcome {
  /** What was answered in place of bytes, or of success. */
  errno: string;
  /** After a fault that has ended, and during one that does not. */
  after: string;
  meanwhile: string;
  message: string;
}

/** Group, fault and place lead to what each column says. */
const outcomes = new Map<string, Map<string, Outcome>>();

function outcomeIn(group: string, { fault, place }: Omit<Cell, 'times'>, name: string): Outcome {
  const key = JSON.stringify([group, fault, place]);
  const ofAll = outcomes.get(key) ?? new Map<string, Outcome>();
  outcomes.set(key, ofAll);
  const known = ofAll.get(name) ?? { errno: 'none', after: '', meanwhile: '', message: '' };
  ofAll.set(name, known);
  return known;
}

describe.each(COLUMNS)('fault matrix: $group through $name', ({ name, group, cells, world }) => {
  test('each fault is the documented errno and a log line, passes, and costs no dump', async () => {
    await using it = world(cells);
    for (const [index, cell] of cells.entries()) {
      await play(it.dumps[index]!, cell, outcomeIn(group, cell, name), name);
      if (index % 10 === 0) expect(await it.bystander.read(), 'the dump beside it').toBe('whole');
    }
    expect(await it.bystander.read()).toBe('whole');
    expect(it.bystander.isInvalidated).toBe(false);
    expect(it.bystander.said).toEqual([]);
  }, 120_000);
});

async function play(dump: FaultyDump, cell: Cell, outcome: Outcome, through: string): Promise<void> {
  const what = `${String(cell.fault)} at the ${cell.place}, ${cell.times} times`;
  expect(await dump.remove(), `${what}: removed before it was read`).toBe('EBUSY');
  const reads = await attempts(dump, 'whole', () => dump.read(), what);
  const isRead = reads.at(-1) === 'whole';
  // Once nobody has all of it, trying again shows nothing.
  const removals = isRead ? await attempts(dump, 'done', () => dump.remove(), what) : [await dump.remove()];
  expect(dump.isInvalidated, `${what}: invalidated when rm says so`).toBe(removals.at(-1) === 'done');

  const expected = documented(cell.fault, cell.place, through);
  const isElsewhere = expected === 'EPERM' && cell.place !== 'invalidation';
  const errors = [...reads, ...(isRead ? removals : [])].filter((word) => !['whole', 'done'].includes(word));
  // A dump that is delivered elsewhere is not listed any more, and who asks for it often is told to wait.
  const told = isElsewhere ? errors.slice(0, 1) : errors;
  for (const word of told) expect(word, what).toBe(expected);
  if (told.length > 0) outcome.errno = expected;
  if (cell.times === Infinity) expect(told.length, `${what}: shows`).toBeGreaterThan(0);
  if (cell.times !== Infinity && !isElsewhere)
    expect(removals.at(-1), `${what}: a later attempt succeeds`).toBe('done');

  if (cell.times === Infinity)
    outcome.meanwhile = isRead ? 'it stays' : isElsewhere ? 'not listed' : `rm: ${removals[0]!}`;
  else outcome.after = isElsewhere ? 'another machine has it' : 'whole; rm: done';
  if (told.length > 0) {
    expect(dump.said.length, `${what}: is logged`).toBeGreaterThan(0);
    outcome.message = dump.said[0]!.message;
  }
}

/** Tries until the word comes. */
async function attempts(
  dump: FaultyDump,
  wanted: string,
  attempt: () => Promise<string>,
  what: string,
): Promise<string[]> {
  const words: string[] = [];
  while (words.length < ATTEMPTS && words.at(-1) !== wanted) {
    words.push(await attempt());
    expect(words, what).not.toContain('wrong bytes');
    if (wanted === 'whole') expect(dump.isInvalidated, `${what}: only unlink invalidates`).toBe(false);
  }
  return words;
}

// --- the table ---

afterAll(() => {
  if (process.env['UPDATE_FAULTS'] === '1') writeFileSync(TABLE, tableText());
});

test('docs/faults.md is what this run has seen', () => {
  expect(outcomes.size).toBeGreaterThan(0);
  if (process.env['UPDATE_FAULTS'] === '1') return;
  expect(readFileSync(TABLE, 'utf8')).toBe(tableText());
});

function tableText(): string {
  return `${HEAD}\n${GROUPS.map(groupText).join('\n')}`;
}

const GROUPS = ['RTAS status', 'errno of the device', 'librtas code'] as const;

const HEAD = `# What a fault does

Written by \`test/fault/fault-matrix.test.ts\` (\`UPDATE_FAULTS=1 npx vitest run test/fault/fault-matrix.test.ts\`).

An example: firmware answers -1 to a call in the middle of a dump. \`cat\` gets the bytes before it, then EIO. When the fault
has ended, \`cat\` gets all of the dump, and \`rm\` removes it. As long as it lasts, \`rm\` is EBUSY: not everything was
delivered. The row says \`EIO\`, \`whole; rm: done\`, \`rm: EBUSY\`.

Each fault comes once, twice and for ever (those that are waited out: once and twice). Besides what the table shows, each
time

- \`rm\` is EBUSY before every byte was delivered, and nothing but an \`rm\` that succeeds makes firmware forget a dump;
- bytes that are delivered are the right ones, and a dump beside it is read as if nothing were wrong.
`;

interface Row {
  faults: string[];
  readonly place: string;
  readonly through: string;
  readonly words: readonly string[];
}

function groupText(group: (typeof GROUPS)[number]): string {
  const rows: Row[] = [];
  const faults = [
    ...new Set(
      COLUMNS.filter((one) => one.group === group).flatMap(({ cells }) => cells.map((c) => c.fault)),
    ),
  ];
  for (const fault of faults) for (const place of PLACE_NAMES) rows.push(...rowsOf(group, fault, place));
  const body = merged(rows).map(
    ({ faults: names, place, through, words }) =>
      `| ${names.join(', ')} | ${place} | ${through} | ${words.join(' | ')} |`,
  );
  return `## ${group}\n\n| fault | at | through | errno | when it has ended | while it lasts | logged as |\n| --- | --- | --- | --- | --- | --- | --- |\n${body.join('\n')}\n`;
}

/** A row for each set of columns that agree. */
function rowsOf(group: string, fault: FaultName, place: PlaceName): Row[] {
  const names = COLUMNS.filter((one) => one.group === group).map(({ name }) => name);
  const byWords = new Map<string, string[]>();
  const ofAll = outcomes.get(JSON.stringify([group, fault, place]));
  for (const name of names) {
    const seen = ofAll?.get(name);
    if (seen === undefined) continue;
    const words = JSON.stringify([seen.errno, seen.after, seen.meanwhile, seen.message]);
    byWords.set(words, [...(byWords.get(words) ?? []), name]);
  }
  return [...byWords].map(([words, through]) => ({
    faults: [String(fault)],
    place,
    through: through.length === names.length ? 'any' : through.join('; '),
    words: JSON.parse(words) as string[],
  }));
}

/** Faults that do the same share a row. */
function merged(rows: readonly Row[]): Row[] {
  const result: Row[] = [];
  for (const row of rows) {
    const same = result.find(
      (one) =>
        one.place === row.place &&
        one.through === row.through &&
        JSON.stringify(one.words) === JSON.stringify(row.words),
    );
    if (same === undefined) result.push(row);
    else same.faults.push(...row.faults);
  }
  return result;
}
