import { expect, test } from 'vitest';
import { hiddenFromOthers } from '../../../../src/cli/mount/visibility.js';

const OURS = { deviceMajor: 0, deviceMinor: 52 };
const OTHER = { deviceMajor: 0, deviceMinor: 53 };
const DISK = { deviceMajor: 8, deviceMinor: 52 };

test.each([
  { what: 'PID 1 sees it', isShared: false, table: [OTHER, OURS], inContainer: false, says: undefined },
  {
    what: 'PID 1 does not',
    isShared: true,
    table: [OTHER, DISK],
    inContainer: false,
    says: /this process only/,
  },
  {
    what: 'PID 1 cannot be looked at',
    isShared: false,
    table: undefined,
    inContainer: false,
    says: undefined,
  },
  {
    what: 'private, in a container',
    isShared: false,
    table: [OURS],
    inContainer: true,
    says: /this container only/,
  },
  { what: 'shared, in a container', isShared: true, table: [OURS], inContainer: true, says: undefined },
])('hiddenFromOthers: $what', ({ isShared, table, inContainer, says }) => {
  const why = hiddenFromOthers({ deviceMinor: 52, isShared }, table, inContainer);
  if (says === undefined) expect(why).toBeUndefined();
  else expect(why?.message).toMatch(says);
});
