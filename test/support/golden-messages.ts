import { readFileSync } from 'node:fs';

export interface GoldenMessage {
  readonly title: string;
  readonly littleEndian: Uint8Array;
  readonly bigEndian: Uint8Array;
}

/** Reads a file of `test/golden/fuse`: messages under `[title]`, a line per field: name | little endian | big endian. */
export function readGolden(file: string): GoldenMessage[] {
  const text = readFileSync(new URL(`../golden/fuse/${file}`, import.meta.url), 'utf8');
  const [, ...sections] = text.split(/^\[(.*)\]$/m);
  return Array.from({ length: sections.length / 2 }, (_, index) => {
    const rows = (sections[2 * index + 1] ?? '').split('\n').map((line) => line.split('|'));
    return {
      title: sections[2 * index] ?? '',
      littleEndian: bytesOf(rows.map((row) => row[1])),
      bigEndian: bytesOf(rows.map((row) => row[2])),
    };
  });
}

/** One message in the byte order asked for. */
export function golden(messages: readonly GoldenMessage[], title: string, littleEndian: boolean): Uint8Array {
  const message = messages.find((candidate) => candidate.title === title);
  if (message === undefined) throw new Error(`no golden message [${title}]`);
  return littleEndian ? message.littleEndian : message.bigEndian;
}

function bytesOf(columns: readonly (string | undefined)[]): Uint8Array {
  return Uint8Array.from(Buffer.from(columns.join('').replaceAll(/\s/g, ''), 'hex'));
}
