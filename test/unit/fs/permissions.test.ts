import { constants } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isPermitted } from '../../../src/fs/permissions.js';

const { R_OK, W_OK, X_OK, S_IFDIR, S_IFREG } = constants;
const [OWNER, GROUP, OTHER] = [1000, 2000, 3000];

interface Row {
  readonly who: string;
  readonly uid: number | undefined;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly mode: number;
  readonly wanted: number;
  readonly expected: boolean;
}

const FILE = S_IFREG;
const DIRECTORY = S_IFDIR;

const ROWS: readonly Row[] = [
  { who: 'the owner', uid: OWNER, mode: FILE | 0o400, wanted: R_OK, expected: true },
  { who: 'the owner', uid: OWNER, mode: FILE | 0o044, wanted: R_OK, expected: false },
  { who: 'the owner', uid: OWNER, mode: DIRECTORY | 0o500, wanted: R_OK | X_OK, expected: true },
  { who: 'the owner', uid: OWNER, mode: DIRECTORY | 0o500, wanted: W_OK | X_OK, expected: false },
  { who: 'the group', uid: OTHER, gid: GROUP, mode: FILE | 0o440, wanted: R_OK, expected: true },
  { who: 'the group', uid: OTHER, gid: GROUP, mode: FILE | 0o404, wanted: R_OK, expected: false },
  {
    who: 'a further group',
    uid: OTHER,
    groups: [1, GROUP],
    mode: FILE | 0o440,
    wanted: R_OK,
    expected: true,
  },
  {
    who: 'a further group',
    uid: OTHER,
    groups: [1, GROUP],
    mode: FILE | 0o404,
    wanted: R_OK,
    expected: false,
  },
  { who: 'another', uid: OTHER, groups: [1], mode: FILE | 0o440, wanted: R_OK, expected: false },
  { who: 'another', uid: OTHER, mode: FILE | 0o444, wanted: R_OK, expected: true },
  { who: 'another', uid: OTHER, mode: DIRECTORY | 0o777, wanted: W_OK | X_OK, expected: true },
  { who: 'another', uid: OTHER, mode: DIRECTORY | 0o775, wanted: W_OK | X_OK, expected: false },
  { who: 'somebody unknown', uid: undefined, mode: FILE | 0o440, wanted: R_OK, expected: false },
  { who: 'root', uid: 0, mode: FILE, wanted: R_OK | W_OK, expected: true },
  { who: 'root', uid: 0, mode: FILE | 0o444, wanted: X_OK, expected: false },
  { who: 'root', uid: 0, mode: FILE | 0o001, wanted: X_OK, expected: true },
  { who: 'root', uid: 0, mode: DIRECTORY, wanted: R_OK | W_OK | X_OK, expected: true },
];

describe('isPermitted', () => {
  test.each(ROWS)(
    '$who with mode $mode, wanting $wanted: $expected',
    ({ uid, gid = 1, groups = [], mode, wanted, expected }) => {
      const caller = { uid, gid, groups: () => groups };
      expect(isPermitted(caller, { uid: OWNER, gid: GROUP, mode }, wanted)).toBe(expected);
    },
  );

  test('looks groups up only where they decide', () => {
    const groups = (): never => {
      throw new Error('looked up');
    };
    const what = { uid: OWNER, gid: GROUP, mode: FILE | 0o444 };
    expect(isPermitted({ uid: OTHER, gid: 1, groups }, what, R_OK)).toBe(true);
    expect(isPermitted({ uid: OTHER, gid: GROUP, groups }, { ...what, mode: FILE | 0o440 }, R_OK)).toBe(true);
    expect(isPermitted({ uid: OWNER, gid: 1, groups }, { ...what, mode: FILE | 0o040 }, R_OK)).toBe(false);
  });
});
