import type { ServiceDefinition, UntypedServiceImplementation, handleUnaryCall } from '@grpc/grpc-js';
import { Server, ServerCredentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal } from './refusal.js';
import { plain, say } from './say.js';

export type Methods = Readonly<Record<string, (request: never) => object | Promise<object>>>;

/** Services by their full name: `csi.v1.Node`. */
export type Services = Readonly<Record<string, Methods>>;

/** Beside the program, from source as well as bundled. */
const PROTO_DIRECTORY = join(import.meta.dirname, '../proto');

/** Enumerations by name, fields as they are in the protocol file, defaults for what was not sent. */
const LOAD_OPTIONS = { keepCase: true, enums: String, longs: Number, defaults: true, oneofs: true };

export function serviceDefinition(file: string, name: string): ServiceDefinition {
  const loaded = loadPackageDefinition(loadSync(join(PROTO_DIRECTORY, file), LOAD_OPTIONS));
  const found = name
    .split('.')
    .reduce<unknown>((level, word) => (level as Record<string, unknown>)[word], loaded);
  return (found as { readonly service: ServiceDefinition }).service;
}

/**
 * Answers at a socket, in place of what a killed plugin left there.
 *
 * @returns what takes the socket away, unless the next plugin has its own there already
 */
export async function serve(socketPath: string, file: string, services: Services): Promise<() => void> {
  const server = new Server();
  for (const [name, methods] of Object.entries(services)) {
    const definition = serviceDefinition(file, name);
    server.addService(definition, implementation(definition, methods));
  }
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o750 });
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  chmodSync(socketPath, 0o600);
  const inode = inodeOf(socketPath);
  return () => {
    if (inodeOf(socketPath) === inode) rmSync(socketPath, { force: true });
  };
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Methods that a driver does not have are UNIMPLEMENTED by themselves. */
function implementation(definition: ServiceDefinition, methods: Methods): UntypedServiceImplementation {
  const names = Object.keys(definition).filter((name) => name in methods);
  return Object.fromEntries(names.map((name) => [name, unary(name, methods[name])]));
}

function unary(name: string, method: Methods[string] | undefined): handleUnaryCall<object, object> {
  return (call, answer) => {
    Promise.resolve(call.request as never)
      .then(method)
      .then(
        (response) => answer(null, response),
        (error: unknown) => {
          const message = plain((error as Error).message);
          const code = error instanceof Refusal ? error.code : status.INTERNAL;
          say(`${name}: ${status[code]}: ${message}`);
          answer({ code, details: message });
        },
      );
  };
}
