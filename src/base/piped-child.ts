import type { ChildProcess } from 'node:child_process';

/** What a child and its pipes are, and the types of the pipes do not say. */
interface Referenced {
  unref(): void;
}

/** Whether the pipes of a program were made. Without descriptors there are none, and `error` says so later. */
export function hasPipes({ stdin }: ChildProcess): boolean {
  return (stdin ?? undefined) !== undefined;
}

/** Serving dumps is what keeps the process alive, not a program that was started beside. */
export function unrefChild(child: ChildProcess): void {
  for (const handle of [child, ...child.stdio]) (handle as Referenced | null)?.unref();
}
