import { readFileSync, readdirSync } from 'node:fs';
import { EventText } from '../../../../../src/rtas/index.js';

const DIRECTORY = new URL('../../../../data/rtas-events/', import.meta.url);

export const SAMPLE_NAMES = readdirSync(DIRECTORY).filter((name) => /^v\d/.test(name));

/** The one that announces a dump. */
export const NOTIFICATION = 'v6_dump_notification';

export const NOTIFIED = {
  tag: 0x0000000101000002n,
  size: 5_182_368,
  announcedAtMs: Date.UTC(2004, 4, 10, 1, 1, 48, 430),
};

export function sampleText(name: string): Buffer {
  return readFileSync(new URL(name, DIRECTORY));
}

export function sampleBytes(name: string): Uint8Array {
  const [event] = new EventText().push(sampleText(name));
  if (event === undefined) throw new Error(`${name} holds no event`);
  return event;
}

interface TextOptions {
  readonly sequence?: number;
  readonly newline?: string;
  readonly separator?: string;
  readonly endLine?: boolean;
}

/** An event as rtas_errd writes it. */
export function eventText(event: Uint8Array, options: TextOptions = {}): string {
  const { sequence = 1, newline = '\n', separator = ' ', endLine = true } = options;
  const lines = [`RTAS: ${sequence} -------- RTAS event begin --------`];
  for (let at = 0; at < event.length; at += 16) {
    const hex = Buffer.from(event.subarray(at, at + 16)).toString('hex');
    lines.push(`RTAS ${at / 16}: ${(hex.match(/.{1,8}/g) ?? []).join(separator)}`);
  }
  if (endLine) lines.push(`RTAS: ${sequence} -------- RTAS event end ----------`);
  return lines.map((line) => line + newline).join('');
}
