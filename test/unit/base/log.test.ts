import { describe, expect, test } from 'vitest';
import type { Severity } from '../../../src/base/errno.js';
import { FsError } from '../../../src/base/errno.js';
import type { LogFields, LogOptions } from '../../../src/base/log.js';
import { createLogger, LOG_LEVELS } from '../../../src/base/log.js';

function logged(
  options: Partial<LogOptions>,
  severity: Severity,
  message: string,
  fields?: LogFields,
): string[] {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line), ...options });
  log[severity](message, fields);
  return lines;
}

function textOf(fields: LogFields): string {
  return logged({}, 'info', 'm', fields).join('');
}

function jsonOf(fields: LogFields): Record<string, unknown> {
  return JSON.parse(logged({ format: 'json' }, 'info', 'm', fields).join('')) as Record<string, unknown>;
}

describe('level', () => {
  const pairs = LOG_LEVELS.flatMap((level, threshold) =>
    LOG_LEVELS.map((severity, rank) => ({ level, severity, lines: rank >= threshold ? 1 : 0 })),
  );
  test.each(pairs)('at $level, $severity gives $lines line(s)', ({ level, severity, lines }) => {
    expect(logged({ level }, severity, 'm')).toHaveLength(lines);
  });
});

test.each([
  { severity: 'debug', prefix: '<7>' },
  { severity: 'info', prefix: '<6>' },
  { severity: 'warn', prefix: '<4>' },
  { severity: 'error', prefix: '<3>' },
] as const)('the journal gets priority $prefix for $severity', ({ severity, prefix }) => {
  expect(logged({ journal: true }, severity, 'mounted')).toEqual([`${prefix}mounted\n`]);
});

describe('text format', () => {
  test.each<{ fields: LogFields; shown: string }>([
    { fields: {}, shown: '' },
    { fields: { path: '/mnt/dumps', count: 3, ok: true }, shown: ' path=/mnt/dumps count=3 ok=true' },
    { fields: { tag: 0x2_0000_0001n }, shown: ' tag=0x200000001' },
    { fields: { reason: 'hardware error' }, shown: ' reason="hardware error"' },
    { fields: { reason: '' }, shown: ' reason=""' },
    {
      fields: { name: 'a\nplatdumpfs: error: forged' },
      shown: String.raw` name="a\nplatdumpfs: error: forged"`,
    },
    { fields: { name: '\u001b[31m' }, shown: String.raw` name="\u001b[31m"` },
    { fields: { name: 'C1 \u009b2J' }, shown: String.raw` name="C1 \u009b2J"` },
    { fields: { name: 'txt.\u202eexe' }, shown: String.raw` name="txt.\u202eexe"` },
    { fields: { name: 'a\u2028b' }, shown: String.raw` name="a\u2028b"` },
    { fields: { name: 'tag \u{e0041}' }, shown: String.raw` name="tag \udb40\udc41"` },
    { fields: { name: 'Gr\u00fc\u00dfe' }, shown: ' name="Gr\u00fc\u00dfe"' },
    { fields: { nothing: undefined, nil: null }, shown: ' nil=null' },
    { fields: { error: new FsError('EBUSY', 'held') }, shown: ' error="EBUSY: held"' },
    { fields: { tags: [1n, 2n] }, shown: String.raw` tags="[\"0x1\",\"0x2\"]"` },
  ])('$shown', ({ fields, shown }) => {
    expect(textOf(fields)).toBe(`platdumpfs: info: m${shown}\n`);
  });

  test('is one line per event even for an error with a stack', () => {
    const text = textOf({ error: new Error('first\nsecond') });
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(text).toContain('second');
    expect(text).toContain('log.test.ts');
  });
});

test('what nobody foresaw is logged with the stack of its cause', () => {
  const text = textOf({ error: FsError.from(new TypeError('x is undefined')) });
  expect(text).toContain('EIO: unexpected failure: x is undefined, caused by TypeError');
  expect(text).toContain('log.test.ts');
});

describe('json format', () => {
  test('has time, level, message, then the fields', () => {
    const line = jsonOf({ path: '/mnt', count: 3 });
    expect(Object.keys(line)).toEqual(['time', 'level', 'message', 'path', 'count']);
    expect(line).toMatchObject({ level: 'info', message: 'm', path: '/mnt', count: 3 });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test.each<{ fields: LogFields; shown: Record<string, unknown> }>([
    { fields: { tag: 2n ** 64n - 1n }, shown: { tag: '0xffffffffffffffff' } },
    { fields: { error: new FsError('EIO', 'failed') }, shown: { error: 'EIO: failed' } },
    {
      fields: { nested: { tags: [1n], error: new FsError('EIO', 'x') } },
      shown: { nested: { tags: ['0x1'], error: 'EIO: x' } },
    },
    { fields: { name: 'a\n"b"' }, shown: { name: 'a\n"b"' } },
    { fields: { name: '\u009b\u202e\u2028' }, shown: { name: '\u009b\u202e\u2028' } },
  ])('$shown', ({ fields, shown }) => {
    expect(jsonOf(fields)).toMatchObject(shown);
  });

  test('leaves nothing unescaped that a terminal would act on', () => {
    const [line] = logged({ format: 'json' }, 'warn', 'm', { name: '\u009b2J\u202e\u2028\u007f' });
    expect(line).toContain(String.raw`\u009b2J\u202e\u2028\u007f`);
  });

  test('is one line without undefined fields', () => {
    const [line] = logged({ format: 'json' }, 'warn', 'm', { nothing: undefined, error: new Error('a\nb') });
    expect(line?.trimEnd()).not.toContain('\n');
    expect(line).not.toContain('nothing');
  });
});

describe('a line that cannot be written', () => {
  test('is no failure of who logs it, and the next one says how many were lost', () => {
    const lines: string[] = [];
    let isFull = true;
    const write = (line: string): void => {
      if (isFull) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
      lines.push(line);
    };
    const log = createLogger({ level: 'info', format: 'text', write });
    log.info('one');
    log.warn('two');
    isFull = false;
    log.info('three');
    log.info('four');
    expect(lines).toEqual([
      'platdumpfs: warn: log lines were lost: nobody took them lost=2\nplatdumpfs: info: three\n',
      'platdumpfs: info: four\n',
    ]);
  });

  test('nor is one whose fields cannot be told', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const format of ['text', 'json'] as const)
      expect(logged({ format }, 'info', 'm', { circle })).toEqual([]);
  });
});
