import { StrobeError } from '../../util/errors.ts';

/** Gas that counts as one opcode's work between two looks at the clock: copies and hashes go by their length. */
export const GAS_PER_WORK = 16;

/** Wall-clock budget of one execution, looked at from inside the interpreter. */
export class ExecutionDeadline {
  #at = Number.POSITIVE_INFINITY;

  /** @param budgetMs undefined: no limit */
  start(budgetMs: number | undefined): void {
    this.#at = budgetMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + budgetMs;
  }

  /**
   * @param aheadMs how long the next step will take
   * @throws StrobeError EXECUTION_TIMEOUT
   */
  check(aheadMs = 0): void {
    if (performance.now() + aheadMs > this.#at) {
      throw new StrobeError('EXECUTION_TIMEOUT', 'execution took longer than its time budget');
    }
  }
}
