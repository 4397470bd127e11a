/** Mounts, processes and directories that must not outlive the benchmarks, whatever ends them. */
const alive = new Set<AsyncDisposable>();

export function keepTrack(of: AsyncDisposable): void {
  alive.add(of);
}

export function isGone(of: AsyncDisposable): void {
  alive.delete(of);
}

export async function clearAll(): Promise<void> {
  await Promise.allSettled([...alive].map((one) => one[Symbol.asyncDispose]()));
}
