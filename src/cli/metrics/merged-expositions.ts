/**
 * One text of several in Prometheus' text format. A metric may have one heading only, with all its samples below it.
 *
 * Example: two texts that each have `# HELP a`, `# TYPE a` and `a{mountpoint="..."} 1` give these two lines once, and
 * both samples.
 */
export function mergedExpositions(texts: readonly string[]): string {
  const families = new Map<string, { readonly heading: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let name = '';
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const [, kind, of] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind === 'HELP' && of !== undefined) name = of;
      const family = families.get(name) ?? { heading: [], samples: [] };
      families.set(name, family);
      if (kind === undefined) family.samples.push(line);
      else if (!family.heading.includes(line) && family.heading.length < 2) family.heading.push(line);
    }
  }
  return [...families.values()]
    .flatMap(({ heading, samples }) => [...heading, ...samples])
    .map((line) => `${line}\n`)
    .join('');
}
