import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Files that take longest, the longest first: begun last, they would keep one processor waiting for the other. */
const LONG = [
  'test/mount/lockdown-race',
  'test/mount/lockdown-hang',
  'test/mount/tools-read',
  'test/model/bare-model',
  'test/mount/tools-copy',
  'test/mount/removal',
  'test/model/mount-model',
  'test/cli/list',
  'test/mount/soak',
  'test/cli/save',
  'test/mount/lifecycle.',
  'test/packaging/extract-platdump',
  'test/mount/native-transport',
  'test/cli/doctor',
  'test/mount/stall',
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
