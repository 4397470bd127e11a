import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Files that take longest, the longest first: begun last, they would keep one processor waiting for the other. */
const LONG = [
  'test/mount/tools-copy',
  'test/mount/tools-read',
  'test/model/mount-model',
  'test/mount/lockdown-race',
  'test/mount/soak',
  'test/mount/stall',
  'test/cli/save',
  'test/mount/native-transport',
  'test/mount/lifecycle-lockdown',
  'test/mount/removal',
  'test/model/bare-model',
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
