import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends every run with one line for scripts: `12 passed, 0 failed, 3 skipped`. A file that cannot be loaded and an error
 * outside any test count as failed, so that "0 failed" means a good run.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const testModule of testModules) {
      const states = [...testModule.children.allTests()].map((test) => test.result().state);
      passed += states.filter((state) => state === 'passed').length;
      skipped += states.filter((state) => state === 'skipped').length;
      // A test that never got its turn has not passed.
      failed += states.filter((state) => state === 'failed' || state === 'pending').length;
      if (testModule.state() === 'failed' && !states.includes('failed')) failed++;
    }
    // After what the other reporters write in this same turn.
    process.once('exit', () => process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`));
  }
}
