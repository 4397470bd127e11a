import type { Entry } from '../../../fs/index.js';
import { decodeBatchForget, decodeForget, decodeName } from '../decode.js';
import { encodeEntry } from '../encode.js';
import type { Operation } from '../operation.js';
import { acknowledging, silent } from '../operation.js';

/** Names and the lookups that the kernel counts for them. */

export const lookup: Operation<Entry> = {
  name: 'lookup',
  silent: false,
  run: ({ filesystem }, request) => filesystem.lookup(request.nodeid, decodeName(request.body), request),
  reply: ({ filesystem, replies }, { unique }, entry) => {
    encodeEntry(replies.startBody(), entry);
    if (!replies.sendBody(unique)) filesystem.forget(entry.attributes.ino, 1);
  },
};

export const forget = silent('forget', ({ filesystem }, { nodeid, body }) =>
  filesystem.forget(nodeid, decodeForget(body)),
);

export const batchForget = silent('batch_forget', ({ filesystem }, { body }) => {
  for (const { nodeid, count } of decodeBatchForget(body)) filesystem.forget(nodeid, count);
});

export const unlink = acknowledging('unlink', ({ filesystem }, request) =>
  filesystem.unlink(request.nodeid, decodeName(request.body), request),
);
