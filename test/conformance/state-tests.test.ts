import { join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unpackFixture } from '../support/fixtures.ts';
import { listStateTestFiles, runStateTestFile } from '../support/state-tests.ts';

/**
 * All Prague cases take about two minutes of one core; by default every 12th file runs. STROBE_STATE_TESTS=all runs
 * them all.
 */
const ALL = process.env['STROBE_STATE_TESTS'] === 'all';
const SAMPLE_STRIDE = 12;
const GROUP_TIMEOUT_MS = 600_000;

const unpacked = unpackFixture('state-tests-cancun-prague.tar.zst');

describe.skipIf(unpacked === undefined)('official state tests, Prague', () => {
  if (unpacked === undefined) return;
  const folder = join(unpacked, 'state-tests');
  const files = listStateTestFiles(folder).filter((_, index) => ALL || index % SAMPLE_STRIDE === 0);
  const groups = Map.groupBy(files, (path) => relative(folder, path).split(sep)[0] as string);

  test.each([...groups])('%s', { timeout: GROUP_TIMEOUT_MS }, async (_, paths) => {
    let passed = 0;
    const failures: string[] = [];
    for (const path of paths) {
      const result = await runStateTestFile(path, folder, true);
      passed += result.passed;
      failures.push(...result.failures);
    }
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(0);
  });
});
