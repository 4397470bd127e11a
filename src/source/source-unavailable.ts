/** A firmware interface that cannot be used on this machine; the message says why, in one line. */
export class SourceUnavailable extends Error {
  override readonly name = 'SourceUnavailable';
}
