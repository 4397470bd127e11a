/**
 * Location of a worker thread's entry file, or of a module for such a thread.
 *
 * Worker threads load JavaScript only. Under a test runner that executes `src/*.ts`, what is shipped in `dist/` is taken.
 *
 * @param file from the root of the program, as in `src/`: `transfer/hand-thread.js`
 * @param here where this module is: one directory below the root. `scripts/build.mjs` sees to it that this holds for
 *   the file into which it is bundled.
 */
export function threadEntry(file: string, here: string = import.meta.url): URL {
  const url = new URL(`../${file}`, here);
  if (here.endsWith('.ts')) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/');
  return url;
}
