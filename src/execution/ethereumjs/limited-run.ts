import { errorMessage, isStrobeError, StrobeError } from '../../util/errors.ts';
import type { Machine } from './machine.ts';

/**
 * Runs what a client asked for within its time, and leaves the machine fit for the next one whatever happens.
 * @param limitMs what the client is told of the limit; `budgetMs`, what is left of it
 * @throws StrobeError CALL_TIMEOUT; EXECUTION_FAILED when the library gives up; and what `job` throws
 */
export async function runLimited<Result>(
  machine: Machine,
  { limitMs, budgetMs = limitMs }: { readonly limitMs: number; readonly budgetMs?: number },
  job: () => Promise<Result>,
): Promise<Result> {
  machine.deadline.start(budgetMs);
  try {
    return await job();
  } catch (error) {
    machine.reset();
    if (isStrobeError(error, 'EXECUTION_TIMEOUT')) {
      throw new StrobeError('CALL_TIMEOUT', `execution aborted (timeout = ${limitMs / 1000}s)`);
    }
    if (isStrobeError(error)) throw error;
    throw new StrobeError('EXECUTION_FAILED', errorMessage(error), {}, { cause: error });
  }
}

/** Refusals that geth wraps, as the call could not even begin. */
const REFUSALS: readonly string[] = [
  'FEE_TOO_LOW',
  'INVALID_FEES',
  'INVALID_BLOBS',
  'INSUFFICIENT_FUNDS',
  'INTRINSIC_GAS_TOO_LOW',
  'INIT_CODE_TOO_LARGE',
];

/** Geth's "err: … (supplied gas …)" around a {@link REFUSALS}; other errors as they are. */
export function withSuppliedGas(error: unknown, gasLimit: bigint): unknown {
  if (!isStrobeError(error) || !REFUSALS.includes(error.code)) return error;
  return new StrobeError(error.code, `err: ${error.message} (supplied gas ${gasLimit})`);
}
