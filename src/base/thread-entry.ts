/**
 * Location of a worker thread's entry file beside the caller.
 *
 * Worker threads load compiled files only. Under a test runner that executes `src/*.ts`, the compiled twin in
 * `dist/` is taken.
 */
export function threadEntry(callerUrl: string, file: string): URL {
  const url = new URL(file, callerUrl);
  if (callerUrl.endsWith('.ts')) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/');
  return url;
}
