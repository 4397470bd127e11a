import { METRICS } from './metric-table.js';

const NAME = 'platdumpfs_up';

/** For a place whose daemon does not answer. Not by prom-client, which takes longer to load than all else that is done here. */
export function expositionOfSilence(mountpoint: string): string {
  const { help = '', type = 'gauge' } = METRICS.find(({ name }) => name === NAME) ?? {};
  return `# HELP ${NAME} ${help}\n# TYPE ${NAME} ${type}\n${NAME}{mountpoint="${escaped(mountpoint)}"} 0\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
