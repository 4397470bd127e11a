import { join } from 'node:path';
import { mountsAt } from '../src/fuse/index.js';
import { cProgram } from './c-program.js';
import { Server } from './server.js';

/** The libfuse 3 server of `c/server.c`. */
export class CServer extends Server {
  /** With the bytes of one file in memory: `path(0)`. */
  static fromMemory(file: string): Promise<CServer> {
    return CServer.#start(['memory', file]);
  }

  /** With dumps of one size that it retrieves from simulated firmware, each from its first read on. */
  static retrieving(dumps: number, sizeBytes: number, latencyUs: number): Promise<CServer> {
    return CServer.#start(['retrieve', String(dumps), String(sizeBytes), String(latencyUs)]);
  }

  path(dump: number): string {
    return join(this.mountpoint, `dump${dump}`);
  }

  static async #start(args: readonly string[]): Promise<CServer> {
    const program = cProgram('server', ['fuse3']);
    const server = new CServer();
    try {
      await server.launch(
        program,
        [...args, server.mountpoint],
        {},
        () => mountsAt(server.mountpoint).length > 0,
      );
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }
}
