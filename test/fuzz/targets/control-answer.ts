import assert from 'node:assert/strict';
import { tagFromName } from '../../../src/base/tag.js';
import { checkResponse, checkWatchLine } from '../../../src/cli/control/check-answer.js';
import type { ListedDump } from '../../../src/cli/query/listed-dump.js';
import type { FuzzTarget } from '../target.js';

/** What somebody who sits at a control socket answers. */
export const controlAnswer: FuzzTarget = {
  name: 'control-answer',
  isText: true,
  words: [
    ...[
      '"kind":',
      '"dumps"',
      '"dump"',
      '"change"',
      '"locked"',
      '"mountpoint":"/',
      '"tag":"0x0000000200000001"',
    ],
    ...[
      '"size":',
      '"name":',
      '"sha256":',
      'null',
      '\\u001b',
      '\\n',
      '../',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      ':',
    ],
  ],
  run(input) {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(input).toString());
    } catch {
      // The client says so.
      return;
    }
    const response = ifBelieved(() => checkResponse(value));
    if (response?.kind === 'dumps') response.dumps.forEach(checkDump);
    if (response?.kind === 'dump') checkDump(response.dump);
    const line = ifBelieved(() => checkWatchLine(value));
    if (line?.kind === 'change') checkDump(line.dump);
  },
};

function ifBelieved<T>(check: () => T): T | undefined {
  try {
    return check();
  } catch (thrown) {
    assert.match((thrown as Error).message, /^the daemon's answer is not understood: \w+$/);
    return undefined;
  }
}

/** Its tag becomes a path, and the rest is shown on terminals. */
function checkDump(dump: ListedDump): void {
  assert.notEqual(tagFromName(dump.tag), undefined);
  for (const text of [dump.name, dump.type, dump.state, dump.source, dump.sizeOrigin, dump.sha256])
    assert.match(text ?? '', /^[\w.-]*$/);
  assert.match(dump.firstSeen, /^[\dTZ:.-]+$/);
}
