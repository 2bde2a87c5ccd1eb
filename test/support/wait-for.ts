import { setTimeout as delay } from 'node:timers/promises';
import { StrobeError } from '../../src/util/errors.ts';

const POLL_MS = 5;

/** Resolves with the first truthy answer of `condition`; fails with WAIT_TIMED_OUT when none comes in time. */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what?: string; readonly pollMs?: number } = {},
): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer as NonNullable<T>;
    if (performance.now() > deadline) {
      throw new StrobeError('WAIT_TIMED_OUT', `${options.what ?? condition.toString()} did not hold within ${timeoutMs} ms`);
    }
    await delay(options.pollMs ?? POLL_MS);
  }
}
