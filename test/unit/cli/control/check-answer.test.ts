import { describe, expect, test } from 'vitest';
import { checkResponse, checkWatchLine } from '../../../../src/cli/control/check-answer.js';

const DUMP = {
  tag: '0x0000000200000001',
  type: 'platform',
  size: 4096,
  sizeOrigin: 'announced',
  state: 'new',
  delivered: 0,
  firstSeen: '2026-11-22T08:12:00.000Z',
  source: 'sim',
  name: 'SYSDUMP.10SIM00.00000001.20260520123816',
};
const NOT_READ_YET = { ...DUMP, size: null, sizeOrigin: null, name: null };

function dumps(...list: unknown[]): unknown {
  return { kind: 'dumps', mountpoint: '/mnt', dumps: list };
}

const OFFER = { pid: 812, descriptor: 20, pidNamespace: 'pid:[4026531836]', format: 1, madeWith: {} };

function offer(fields: object): unknown {
  return { kind: 'handover', mountpoint: '/mnt', ...fields };
}

const TIME = '2026-11-22T08:12:01.000Z';

describe('checkResponse believes', () => {
  test.each([
    dumps(),
    dumps(DUMP, NOT_READ_YET),
    dumps({ ...DUMP, sha256: 'a'.repeat(64) }, { ...NOT_READ_YET, sha256: null }),
    dumps({ ...DUMP, addedLater: { anything: true } }),
    { kind: 'dump', mountpoint: '/mnt', dump: DUMP },
    { kind: 'locked', mountpoint: '/mnt' },
    offer(OFFER),
    { kind: 'handed-over', mountpoint: '/mnt' },
    { kind: 'error', code: 'failed', message: 'x' },
    { kind: 'addedLater' },
  ])('%j', (answer) => {
    expect(checkResponse(answer)).toBe(answer);
  });
});

describe('checkResponse does not believe', () => {
  test.each([
    { answer: null, what: 'answer' },
    { answer: 'dumps', what: 'answer' },
    { answer: { kind: 'dumps', dumps: [] }, what: 'mountpoint' },
    { answer: { kind: 'dumps', mountpoint: 'mnt', dumps: [] }, what: 'mountpoint' },
    { answer: { kind: 'locked', mountpoint: 7 }, what: 'mountpoint' },
    ...Object.keys(OFFER).map((field) => ({ answer: offer({ ...OFFER, [field]: null }), what: field })),
    { answer: offer({ ...OFFER, pid: -1 }), what: 'pid' },
    { answer: { kind: 'dumps', mountpoint: '/mnt' }, what: 'dumps' },
    { answer: dumps(null), what: 'dump' },
    { answer: { kind: 'dump', mountpoint: '/mnt', dump: [] }, what: 'tag' },
    ...Object.keys(DUMP).map((field) => ({ answer: dumps({ ...DUMP, [field]: undefined }), what: field })),
    ...['../../etc/passwd', '0x1', '0X0000000200000001', '0x0000000200000001/x', 1].map((tag) => ({
      answer: dumps({ ...DUMP, tag }),
      what: 'tag',
    })),
    { answer: dumps({ ...DUMP, name: '\u001b[2J' }), what: 'name' },
    { answer: dumps({ ...DUMP, state: 'new\nold' }), what: 'state' },
    { answer: dumps({ ...DUMP, size: -1 }), what: 'size' },
    { answer: dumps({ ...DUMP, sha256: 'a'.repeat(63) }), what: 'sha256' },
    { answer: dumps({ ...DUMP, sha256: '\u001b[2J' }), what: 'sha256' },
    { answer: dumps({ ...DUMP, delivered: '0' }), what: 'delivered' },
    { answer: dumps({ ...DUMP, firstSeen: 'yesterday' }), what: 'firstSeen' },
  ])('$answer', ({ answer, what }) => {
    expect(() => checkResponse(answer)).toThrow(`the daemon's answer is not understood: ${what}`);
  });
});

describe('checkWatchLine', () => {
  test.each([
    { kind: 'watching', mountpoint: '/mnt' },
    { kind: 'change', time: TIME, event: 'appeared', dump: DUMP },
    { kind: 'locked', mountpoint: '/mnt' },
  ])('believes %j', (line) => {
    expect(checkWatchLine(line)).toBe(line);
  });

  test.each([
    { kind: 'watching' },
    { kind: 'change', time: TIME, event: 'appeared', dump: { ...DUMP, tag: 'x' } },
    { kind: 'change', time: TIME, event: '\u001b[2J', dump: DUMP },
    { kind: 'change', time: 7, event: 'appeared', dump: DUMP },
  ])('does not believe %j', (line) => {
    expect(() => checkWatchLine(line)).toThrow('is not understood');
  });
});
