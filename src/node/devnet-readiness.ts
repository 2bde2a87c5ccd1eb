import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, StrobeError } from '../util/errors.ts';
import type { DevnetProcess } from './devnet-plan.ts';

/** Another process's state can only be asked for: often enough that nobody notices the wait. */
const POLL_INTERVAL_MS = 100;
/** `/ready` answers from memory. */
const REQUEST_TIMEOUT_MS = 1_000;
/** A cold start on a busy two-core machine takes a few seconds; recovery of a long log takes longer. */
const READY_TIMEOUT_MS = 90_000;

/**
 * Waits until `/ready` of a process answers 200.
 * @throws StrobeError DEVNET_NOT_READY with the last reason it gave, or the reason of `signal` when that aborts
 */
export async function waitUntilReady(
  planned: Pick<DevnetProcess, 'name' | 'metricsPort'>,
  signal: AbortSignal,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<void> {
  const url = `http://127.0.0.1:${planned.metricsPort}/ready`;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const reason = await askReadiness(url, signal);
    if (reason === undefined) return;
    signal.throwIfAborted();
    if (performance.now() > deadline) {
      const message = `${planned.name} was not ready after ${Math.round(timeoutMs / 1_000)} s: ${reason}`;
      throw new StrobeError('DEVNET_NOT_READY', message, { name: planned.name });
    }
    // An abort ends the wait early; the top of the loop throws the signal's own reason.
    await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Undefined when ready, else why not. */
async function askReadiness(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]) });
    const body = await answer.text();
    return answer.ok ? undefined : body;
  } catch (error) {
    return errorMessage(error);
  }
}
