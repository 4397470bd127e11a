import { _, cockpit } from './cockpit.js';
import type { Dump } from './protocol.js';

export function bytesText(bytes: number | null): string {
  return bytes === null ? _('not known yet') : cockpit.format_bytes(bytes);
}

/** Where a size comes from. */
export function originText({ size, sizeOrigin }: Dump): string {
  if (size === null) return '';
  if (sizeOrigin === 'announced') return _('announced');
  if (sizeOrigin === 'measured') return _('measured');
  return _('told by firmware');
}

export function stateText(state: string): string {
  switch (state) {
    case 'new':
      return _('waits');
    case 'reading':
      return _('being read');
    case 'complete':
      return _('read completely');
    case 'failed':
      return _('reading failed');
    case 'removing':
      return _('being removed');
    default:
      return state;
  }
}

/** How long ago, in the reader's language. */
export function ageText(iso: string, nowMs: number): string {
  const seconds = Math.round((Date.parse(iso) - nowMs) / 1000);
  const format = new Intl.RelativeTimeFormat(cockpit.language.replace('_', '-') || 'en', { numeric: 'auto' });
  const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ];
  for (const [unit, length] of units)
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  return format.format(seconds, 'second');
}

export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return cockpit.format(_('$0 s'), whole);
  return cockpit.format(_('$0 min $1 s'), Math.floor(whole / 60), whole % 60);
}
