import { readvSync, writevSync } from 'node:fs';

// One system call for many blocks: a file system takes half a mebibyte in large pieces, and 64 KiB in small ones.

/** Writes all of `parts`, one behind the other, from `position` of the file on. */
export function writeAll(fd: number, parts: readonly Uint8Array[], position: number): void {
  moveAll(parts, (rest, done) => writevSync(fd, rest, position + done));
}

/** Fills all of `parts` from `position` of the file on. @throws Error when the file ends before */
export function readAll(fd: number, parts: readonly Uint8Array[], position: number): void {
  moveAll(parts, (rest, done) => {
    const count = readvSync(fd, rest, position + done);
    if (count === 0) throw new Error(`the spool file ends at ${position + done}`);
    return count;
  });
}

type Move = (rest: readonly Uint8Array[], done: number) => number;

function moveAll(parts: readonly Uint8Array[], move: Move): void {
  let rest = parts;
  for (let done = 0; rest.length > 0;) {
    const count = move(rest, done);
    done += count;
    rest = behind(rest, count);
  }
}

/** What of `parts` comes after the first `count` bytes. */
function behind(parts: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  return parts.flatMap((part) => {
    const taken = Math.min(left, part.length);
    left -= taken;
    return taken === part.length ? [] : [part.subarray(taken)];
  });
}
