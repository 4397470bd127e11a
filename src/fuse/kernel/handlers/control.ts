import { FsError } from '../../../base/errno.js';
import { MAJOR } from '../abi.js';
import { decodeInit, decodeInterrupt } from '../decode.js';
import { encodeInit } from '../encode.js';
import type { Operation } from '../operation.js';
import { acknowledging, silent } from '../operation.js';
import type { Negotiation } from '../negotiate.js';

/** The connection itself. */

export const init: Operation<Negotiation> = {
  name: 'init',
  silent: false,
  run: (server, { body }) => server.initialize(decodeInit(body)),
  reply: ({ replies }, { unique }, negotiation) => {
    if (negotiation.kind === 'refused') throw new FsError('EPROTO', negotiation.why);
    encodeInit(replies.startBody(), MAJOR, negotiation.reply);
    replies.sendBody(unique);
  },
};

/** Never replied to: a request that is unknown has been answered already, and EAGAIN would bring this one back. */
export const interrupt = silent('interrupt', (server, { body }) => server.interrupt(decodeInterrupt(body)));

/** Not sent for mounts of type `fuse`; the end of the connection tells us (ENODEV). */
export const destroy = acknowledging('destroy', () => undefined);

/** Answers NOTIFY_RETRIEVE, which we never send. */
export const notifyReply = silent('notify_reply', () => undefined);

/** What the kernel does by itself when we do not: seeking, locking, polling, ... */
export const unsupported = acknowledging('unsupported', (_server, { opcode }) => {
  throw new FsError('ENOSYS', `opcode ${opcode} is not served`, { severity: 'debug' });
});
