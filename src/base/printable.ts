/**
 * What would act on a terminal or hide in a line instead of being seen: control characters (C1 too, which the older
 * terminals obey), formats such as the bidirectional overrides, line and paragraph separators, what is no character.
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text that somebody else chose, for a log line or a terminal. */
export function printable(text: string): string {
  return text.replace(UNSEEN, '?');
}

/** JSON text that means the same, with everything escaped that cannot be seen. */
export function escapedJson(json: string): string {
  return json.replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, at) => escapeOf(character.charCodeAt(at))).join(''),
  );
}

function escapeOf(codeUnit: number): string {
  return `\\u${codeUnit.toString(16).padStart(4, '0')}`;
}
