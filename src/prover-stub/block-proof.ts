import { StrobeError } from '../util/errors.ts';
import type { BlockJob } from './block-job.ts';
import type { ReexecutionVerdict } from './re-execute.ts';
import type { ReexecutionHost } from './reexecution-host.ts';

/**
 * Has a block re-executed within `timeoutMs`.
 * @returns undefined when `signal` aborts first
 * @throws StrobeError as {@link ReexecutionHost.reexecute}; REEXECUTION_TIMEOUT, and what the host died of
 */
export async function reexecuteWithin(
  host: ReexecutionHost,
  job: BlockJob,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ReexecutionVerdict | undefined> {
  const { promise: interrupted, resolve, reject } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  const onTimeout = (): void => reject(new StrobeError('REEXECUTION_TIMEOUT', 'a block took too long', { timeoutMs }));
  const timer = setTimeout(onTimeout, timeoutMs);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const work = host.reexecute(job);
  // Given up on a stop: its outcome does not matter then.
  work.catch(() => {});
  try {
    return await Promise.race([work, interrupted, host.failed]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** True for failures of this process, as opposed to a block about which nothing can be said. */
export function isFatal(code: string): boolean {
  return FATAL_CODES.includes(code);
}

const FATAL_CODES: readonly string[] = ['REEXECUTION_TIMEOUT', 'THREAD_DIED', 'THREAD_STOPPED'];
