import { describe, expect, test } from 'vitest';
import { callerGroups } from '../../../../src/fuse/kernel/requester.js';

const STATUS = `Name:\tcat
Uid:\t1\t2\t3\t1000
Gid:\t4\t5\t6\t2000
FDSize:\t64
Groups:\t24 25 4000 
NStgid:\t7
`;

describe('callerGroups', () => {
  const caller = { uid: 1000, gid: 2000, pid: 7 };

  test('are those of the process that asks', () => {
    expect(callerGroups(caller, STATUS)).toEqual([24, 25, 4000]);
    expect(callerGroups(caller, STATUS.replace('24 25 4000 ', ''))).toEqual([]);
  });

  test.each([
    { what: 'with another user', caller: { ...caller, uid: 3 } },
    { what: 'with another group', caller: { ...caller, gid: 6 } },
  ])('are not those of a process $what under its number', ({ caller: other }) => {
    expect(callerGroups(other, STATUS)).toEqual([]);
  });

  test.each([0, 0x7fffffff])('are none where there is no process %i', (pid) => {
    expect(callerGroups({ uid: 0, gid: 0, pid })).toEqual([]);
  });

  test('of this process are what id(1) says', () => {
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
    // getgroups(2) may leave the group of the process out; Node adds it.
    expect(new Set([gid, ...callerGroups({ uid, gid, pid: process.pid })])).toEqual(
      new Set(process.getgroups?.()),
    );
  });
});
