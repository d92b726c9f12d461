import { statSync } from 'node:fs';
import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from './vitest.config.ts';

/** A mutant's run ends with the first failure: short files first, those with whole worlds in them last. */
class ShortFilesFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const size = ({ moduleId }: TestSpecification) => statSync(moduleId).size;
    return Promise.resolve([...files].sort((a, b) => size(a) - size(b)));
  }
}

// One set of modules for all test files: a thousand mutants mean a thousand runs.
export default mergeConfig(
  base,
  defineConfig({
    test: {
      isolate: false,
      // Who waits for what never comes is found out: by far more than the slowest test takes.
      testTimeout: 8000,
      setupFiles: ['./vitest.mutation.setup.ts'],
      sequence: { sequencer: ShortFilesFirst },
    },
  }),
);
