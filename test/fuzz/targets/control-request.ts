import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { tagName } from '../../../src/base/tag.js';
import { controlRoutes } from '../../../src/cli/control/control-routes.js';
import { ControlServer } from '../../../src/cli/control/control-server.js';
import { settled } from '../../support/transfer-bench.js';
import { WithoutThreads } from '../../support/without-threads.js';
import type { FuzzTarget } from '../target.js';
import { latin1 } from '../target.js';

const STATUSES = new Set([200, 400, 404, 405, 408, 409, 413, 414, 423, 431, 503]);
const DAEMON = {
  mountpoint: '/mnt',
  pid: 1,
  version: '0',
  source: 'sim',
  transport: 'kernel',
  lockdown: 'enforce',
} as const;

/** A byte for the lockdown, then what somebody writes to the control socket. */
export const controlRequest: FuzzTarget = {
  name: 'control-request',
  isText: true,
  words: [
    ...[
      'GET ',
      'POST ',
      '/v1/status',
      '/v1/dumps',
      '/v1/dumps/0x0000000200000001',
      '/saved',
      '/v1/watch',
      '?',
    ],
    ...[
      ' HTTP/1.1\r\n',
      'Host: a\r\n',
      '\r\n',
      '\r\n\r\n',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
    ],
    ...[
      'Expect: 100-continue\r\n',
      'Upgrade: a\r\n',
      'Connection: Upgrade\r\n',
      '{"ino":2,"bytes":1000,"sha256":"',
      '%00',
    ],
  ],
  async run([mode = 0, ...bytes]) {
    await using daemon = new WithoutThreads({ sizes: [1000] });
    const gate = {
      level: 'none',
      reason: undefined,
      locked: () => daemon.isLocked,
      onRise: () => undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    } as const;
    if (mode % 2 === 1) daemon.raise();
    const control = new ControlServer(controlRoutes(DAEMON, daemon.store, gate));
    const peer = new Peer();
    control.server.emit('connection', peer);
    peer.push(Uint8Array.from(bytes));
    peer.push(null);
    // Whoever watches is told by the end.
    setImmediate(() => control.close());
    await peer.ended;
    await settled();
    assert.equal(control.underWay, 0, 'an answer that nobody takes any more is kept');
    check(peer.answer, daemon);
  },
};

/** Every answer, as there may be several to one who sends several requests. */
function check(answer: string, daemon: WithoutThreads): void {
  for (const [, status = ''] of answer.matchAll(/^HTTP\/1\.1 (\d+) /gm))
    assert(Number(status) < 200 || STATUSES.has(Number(status)), `status ${status}`);
  if (answer !== '') assert.match(answer, /^HTTP\/1\.1 \d{3} /);
  const isQuoted = /"code":"(?:not-found|method-not-allowed)"/.test(answer);
  if (daemon.isLocked && !isQuoted)
    for (const { tag } of daemon.firmware)
      assert(!answer.includes(tagName(tag)), 'a locked daemon tells a tag');
}

/** The other end of a connection, in one process. */
class Peer extends Duplex {
  answer = '';
  readonly ended: Promise<void>;

  constructor() {
    super();
    this.ended = new Promise((resolve) => this.once('close', resolve));
    this.on('error', () => undefined);
  }

  override _read(): void {
    // What there is was pushed.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.answer += latin1(chunk);
    done();
  }

  unref(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }
}
