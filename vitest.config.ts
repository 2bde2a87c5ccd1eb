import { defineConfig } from 'vitest/config';

/** Two files at a time: the suite has to pass on two cores, and some tests bring threads of their own. */
const PARALLEL_FILES = 2;

/** Scenarios that take long and whose like runs every time: only with `STROBE_FAULTS=all`, also when named by path. */
const LONG_FAULTS = [
  'log-bit-flipped-in-the-middle',
  'log-cut-below-stored-blocks',
  'net-replica-killed-again-and-again',
  'sequencer-killed-under-load',
  'two-processes-one-directory',
];
const excluded = process.env['STROBE_FAULTS'] === 'all' ? [] : LONG_FAULTS.map((name) => `test/fault/${name}.test.ts`);

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

/** Tests that start whole nodes, which wait for one another most of the time: behind all that runs in one process. */
function realProcesses(name: string, groupOrder: number, parallelFiles: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      exclude: excluded,
      testTimeout: 120_000,
      hookTimeout: 120_000,
      maxWorkers: parallelFiles,
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
      // Kills, full disks and cut links one at a time: what goes wrong is to be of the test's own making.
      realProcesses('fault', 1, 1),
      realProcesses('e2e', 2, PARALLEL_FILES),
    ],
  },
});
