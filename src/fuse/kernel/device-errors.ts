/** What the reader does about an error of reading the FUSE device. */
export type ReadVerdict =
  | 'retry'
  /** Nothing to read yet: try again a little later. */
  | 'later'
  /** The connection is over. */
  | 'unmounted'
  | 'aborted'
  | 'broken';

const VERDICTS: Readonly<Record<string, ReadVerdict>> = {
  // The request was interrupted while it was copied to us (fuse_dev_do_read): there may be another.
  ENOENT: 'retry',
  // A signal handler ran on this thread.
  EINTR: 'retry',
  // Somebody who mounted for us opened the device non-blocking.
  EAGAIN: 'later',
  ENODEV: 'unmounted',
  // Through /sys/fs/fuse/connections/N/abort; needs INIT flag ABORT_ERROR.
  ECONNABORTED: 'aborted',
};

/** @param mounted A device on which nothing is mounted yet answers EPERM: mount(8) is still at work. */
export function readVerdict(code: string | undefined, mounted: boolean): ReadVerdict {
  if (code === 'EPERM' && !mounted) return 'later';
  return VERDICTS[code ?? ''] ?? 'broken';
}
