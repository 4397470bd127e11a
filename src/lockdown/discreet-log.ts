import type { LogFields, Logger } from '../base/log.js';
import type { Severity } from '../base/errno.js';

/** Fields that tell something of a dump. */
const TELLING = new Set([
  'tag',
  'name',
  'size',
  'offset',
  'sequence',
  'delivered',
  'expected',
  'announced',
  'origin',
  'bytes',
]);

/** Tags as they are spelled in messages, sequence numbers too. */
const TAG = /0x[0-9a-f]{6,16}/gi;

/** A log that tells nothing of any dump any more once it is veiled: calls that were under way may still end badly. */
export class DiscreetLog {
  readonly log: Logger;
  #isVeiled = false;

  constructor(inner: Logger) {
    const at =
      (severity: Severity) =>
      (message: string, fields?: LogFields): void => {
        if (this.#isVeiled) inner[severity](veiled(message), veiledFields(fields));
        else inner[severity](message, fields);
      };
    this.log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  veil(): void {
    this.#isVeiled = true;
  }
}

function veiledFields(fields: LogFields = {}): LogFields {
  const kept = Object.entries(fields).filter(([key]) => !TELLING.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, veiledValue(value)]));
}

function veiledValue(value: unknown): unknown {
  if (value instanceof Error) return veiled(`${value.name}: ${value.message}`);
  return typeof value === 'string' ? veiled(value) : value;
}

function veiled(text: string): string {
  return text.replace(TAG, '(hidden)');
}
