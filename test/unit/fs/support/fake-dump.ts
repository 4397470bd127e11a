import { dumpTag } from '../../../../src/base/tag.js';
import type { Dump } from '../../../../src/dump/index.js';

/** What these units read of a dump. */
export type FakeDump = {
  -readonly [
    Key in
      | 'tag'
      | 'serial'
      | 'type'
      | 'size'
      | 'state'
      | 'delivered'
      | 'announcedAtMs'
      | 'lost'
      | 'sha256'
      | 'openHandles'
      | 'removal'
      | 'isDelivered'
      | 'isSaved'
  ]: Dump[Key];
} & Pick<Dump, 'readDirectory' | 'cancelInvalidate'> & {
    handles: number;
    addHandle: () => void;
    dropHandle: () => void;
  };

/** A dump without a transfer. Serial numbers tell incarnations apart. */
export function fakeDump(serial: number, facts: Partial<FakeDump> = {}): Dump & FakeDump {
  const dump: FakeDump = {
    tag: dumpTag(0x2_0000_0000n + BigInt(serial)),
    serial,
    type: 'platform',
    size: undefined,
    state: 'new',
    delivered: 0,
    announcedAtMs: 1_700_000_000_000,
    lost: undefined,
    sha256: undefined,
    openHandles: 0,
    removal: 'none',
    isDelivered: false,
    isSaved: false,
    cancelInvalidate: () => true,
    handles: 0,
    addHandle: () => void (dump.handles += 1),
    dropHandle: () => void (dump.handles -= 1),
    readDirectory: () => Promise.resolve({}),
    ...facts,
  };
  // The class has private fields, so nothing but its instances is one for the compiler.
  return dump as Dump & FakeDump;
}
