import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { PATIENCE_MS } from './patience.js';

export interface ToolResult {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of all that came on standard output. */
  readonly sha256: string;
  readonly bytes: number;
  /** The first `KEPT_BYTES` of standard output. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

const KEPT_BYTES = 64 * 1024;

/** Runs a program a user would run, without a shell. Its output is hashed, not kept. */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs = PATIENCE_MS, cwd }: ToolOptions = {},
): Promise<ToolResult> {
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ${args.join(' ')} took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    child.once('error', reject);
    child.once('close', (...ended) => {
      clearTimeout(timer);
      resolve(ended);
    });
  });
  return {
    status,
    signal,
    sha256: output.hash.digest('hex'),
    bytes: output.bytes,
    stdout: output.text(),
    stderr: errors.text(),
  };
}

/** As `runTool`, for a tool that has to succeed: anything else is an error with what the tool said. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options?: ToolOptions,
): Promise<ToolResult> {
  const result = await runTool(command, args, options);
  if (result.status === 0) return result;
  const ended = result.status ?? result.signal;
  throw new Error(`${command} ${args.join(' ')} ended with ${String(ended)}: ${result.stderr}`);
}

class Collected {
  readonly hash = createHash('sha256');
  bytes = 0;
  readonly #kept: Buffer[] = [];

  take(chunk: Buffer): void {
    this.hash.update(chunk);
    if (this.bytes < KEPT_BYTES) this.#kept.push(chunk);
    this.bytes += chunk.length;
  }

  text(): string {
    return Buffer.concat(this.#kept).subarray(0, KEPT_BYTES).toString();
  }
}

function collect(stream: Readable): Collected {
  const collected = new Collected();
  stream.on('data', (chunk: Buffer) => collected.take(chunk));
  return collected;
}
