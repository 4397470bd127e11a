import type { ListedDump } from './listed-dump.js';

/** What happened to a dump between two looks. */
export interface DumpChange {
  readonly event: 'appeared' | 'vanished' | 'changed';
  readonly dump: ListedDump;
}

/** Fields whose change is news. How much was delivered is not: that changes with every read. */
const NEWS = ['size', 'sizeOrigin', 'state', 'name'] as const satisfies readonly (keyof ListedDump)[];

/** Compares two listings. A dump that came back under its tag vanished and appeared. */
export function listingChanges(
  before: readonly ListedDump[],
  after: readonly ListedDump[],
): readonly DumpChange[] {
  const old = new Map(before.map((dump) => [dump.tag, dump]));
  const now = new Map(after.map((dump) => [dump.tag, dump]));
  const vanished = before.filter((dump) => !isSame(dump, now.get(dump.tag)));
  return [
    ...vanished.map((dump): DumpChange => ({ event: 'vanished', dump })),
    ...after.flatMap((dump) => changeOf(old.get(dump.tag), dump)),
  ];
}

function isSame(one: ListedDump, other: ListedDump | undefined): boolean {
  return other?.tag === one.tag && other.firstSeen === one.firstSeen;
}

function changeOf(before: ListedDump | undefined, dump: ListedDump): readonly DumpChange[] {
  if (before === undefined || !isSame(before, dump)) return [{ event: 'appeared', dump }];
  return NEWS.some((field) => before[field] !== dump[field]) ? [{ event: 'changed', dump }] : [];
}
