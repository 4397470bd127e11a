import { closeSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { openPrivateAppend } from '../../base/private-file.js';

/** The file of `--log-file`. logrotate(8) moves it away and sends SIGHUP: then it is opened again. */
export class LogFile {
  readonly #path: string;
  readonly #withTime: boolean;
  #fd: number;

  /**
   * @param withTime begin each line with the time, as lines of text do not say it themselves
   * @throws Error in one line, for what is no file of our own
   */
  constructor(path: string, withTime: boolean) {
    // Absolute: the daemon leaves its directory.
    this.#path = resolve(path);
    this.#withTime = withTime;
    this.#fd = openPrivateAppend(this.#path);
  }

  /** @throws Error: the text is lost */
  readonly write = (text: string): void => {
    const stamp = `${new Date().toISOString()} `;
    const bytes = Buffer.from(this.#withTime ? text.replace(/^(?=.)/gm, stamp) : text);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  };

  /** @throws Error: the file that was open goes on to be written */
  reopen(): void {
    const fd = openPrivateAppend(this.#path);
    closeSync(this.#fd);
    this.#fd = fd;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
