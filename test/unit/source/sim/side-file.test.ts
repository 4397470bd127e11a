import { expect, test } from 'vitest';
import { SideFileError, parseSideFile } from '../../../../src/source/sim/index.js';

const parse = (value: unknown): unknown => parseSideFile(JSON.stringify(value), '/d/0x1.json', 5000);

test.each([
  [{}, { announced: true, faults: [] }],
  [
    { announcedSize: null, announced: false },
    { announcedSize: null, announced: false, faults: [] },
  ],
  [
    { announcedSize: 12, latencyUs: 50 },
    { announcedSize: 12, latencyUs: 50 },
  ],
  [{ chunk: 1500 }, { chunk: [1500, 1500] }],
  [{ chunk: [1, 4096] }, { chunk: [1, 4096] }],
  [{ faults: [{ at: 0, status: -2 }] }, { faults: [{ at: 0, status: -2, times: 1 }] }],
  [
    { faults: [{ at: 5000, status: 9905, times: 'always' }] },
    { faults: [{ at: 5000, status: 9905, times: Infinity }] },
  ],
  [{ faults: [{ at: 7, empty: 3 }] }, { faults: [{ at: 7, status: 1, times: 3 }] }],
  [{ faults: [{ at: 'invalidate', status: -1 }] }, { faults: [{ at: 'invalidate', status: -1, times: 1 }] }],
])('parseSideFile(%j)', (value, expected) => {
  expect(parse(value)).toMatchObject(expected);
});

test.each([
  [[], 'is [], allowed is an object'],
  [null, 'is null, allowed is an object'],
  [{ latency: 5 }, 'unknown key "latency", allowed are announcedSize'],
  [{ announcedSize: -1 }, 'announcedSize is -1'],
  [{ announcedSize: 1.5 }, 'announcedSize is 1.5'],
  [{ announcedSize: '12' }, 'announcedSize is "12", allowed is a whole number'],
  [{ announced: 1 }, 'announced is 1, allowed is true or false'],
  [{ latencyUs: -1 }, 'latencyUs is -1'],
  [{ chunk: 0 }, 'chunk is 0'],
  [{ chunk: [5, 4] }, 'chunk is [5,4], allowed is a number or a pair'],
  [{ chunk: [5] }, 'chunk is [5]'],
  [{ chunk: ['5', 6] }, 'chunk is "5"'],
  [{ faults: {} }, 'faults is {}, allowed is a list'],
  [{ faults: [{ status: -1 }] }, 'faults[0].at is missing'],
  [
    {
      faults: [
        { at: 0, status: -1 },
        { at: 5001, status: -1 },
      ],
    },
    'faults[1].at is 5001, allowed is a whole number from 0 to 5000',
  ],
  [{ faults: [{ at: 0 }] }, 'faults[0].status is missing'],
  [{ faults: [{ at: 0, status: 2147483648 }] }, 'faults[0].status is 2147483648'],
  [{ faults: [{ at: 0, status: 'EIO' }] }, 'faults[0].status is "EIO"'],
  [{ faults: [{ at: 0, status: -1, times: 0 }] }, 'faults[0].times is 0, allowed is a whole number from 1'],
  [{ faults: [{ at: 0, status: -1, times: 'ever' }] }, 'or "always"'],
  [{ faults: [{ at: 0, empty: 0 }] }, 'faults[0].empty is 0'],
  [{ faults: [{ at: 0, empty: 1, status: 1 }] }, 'stands with "at"'],
  [{ faults: [{ at: 'end', status: 1 }] }, 'faults[0].at is "end"'],
  [{ faults: [{ at: 0, status: 1, time: 3 }] }, 'unknown key "time"'],
])('parseSideFile(%j) names what is wrong', (value, message) => {
  expect(() => parse(value)).toThrow(SideFileError);
  expect(() => parse(value)).toThrow(message);
  expect(() => parse(value)).toThrow('/d/0x1.json');
});

test('parseSideFile refuses what is not JSON, naming the file', () => {
  expect(() => parseSideFile('{', '/d/0x1.json', 0)).toThrow(/^\/d\/0x1\.json: not JSON: /);
});
