import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Files that take longest, the longest first: begun last, they would keep one processor waiting for the other. */
const LONG = [
  'test/mount/takeover',
  'test/mount/removal',
  'test/mount/tools-copy',
  'test/mount/tools-read',
  'test/model/mount-model',
  'test/mount/lockdown-hang',
  'test/cli/save',
  'test/mount/interrupt',
  'test/mount/lockdown-race',
  'test/cli/list',
  'test/mount/stall',
  'test/mount/sizes',
  'test/mount/native-transport',
  'test/mount/memory',
  'test/model/bare-model',
  'test/mount/soak',
  'test/mount/lifecycle.',
  'test/cli/mount',
  'test/mount/announcements',
  'test/packaging/extract-platdump',
];

/** Then what mounts, then what does not. */
const OTHERS = ['test/mount/', 'test/cli/', 'test/packaging/', 'test/'];

const ORDER = [...LONG, ...OTHERS];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  return ORDER.findIndex((part) => moduleId.includes(`/${part}`));
}
