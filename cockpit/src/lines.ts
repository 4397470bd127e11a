/** Puts pieces of a stream together again and hands out its lines, parsed. */
export function jsonLines<T>(take: (line: T) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') take(JSON.parse(line) as T);
  };
}
