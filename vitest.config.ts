import { defineConfig } from 'vitest/config';

/** Two files at a time: the suite has to pass on two cores, and some tests bring threads of their own. */
const PARALLEL_FILES = 2;

/** Tests of modules within one process; the groups run side by side. */
function inProcess(name: string, testTimeout: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles: ['./test/support/property-seed.ts'],
      testTimeout,
      hookTimeout: testTimeout,
      maxWorkers: PARALLEL_FILES,
      sequence: { groupOrder: 0 },
    },
  };
}

/** Tests that start whole nodes, or measure time: one file after the other, when nothing else runs. */
function realProcesses(name: string, groupOrder: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      fileParallelism: false,
      sequence: { groupOrder },
    },
  };
}

export default defineConfig({
  test: {
    // Processes and not threads: native addons, signals and process-wide settings stay apart.
    pool: 'forks',
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      inProcess('unit', 20_000),
      inProcess('property', 60_000),
      inProcess('compliance', 60_000),
      inProcess('conformance', 120_000),
      realProcesses('fault', 1),
      realProcesses('e2e', 2),
    ],
  },
});
