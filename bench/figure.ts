/** A number for people: three digits that count. */
export function figure(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
