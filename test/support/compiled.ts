/** URL of a compiled module of `src/`, for a thread or a process that a test starts. */
export function compiled(file: string): string {
  return new URL(`../../build/${file}`, import.meta.url).href;
}
