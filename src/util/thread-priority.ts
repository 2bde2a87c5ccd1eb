import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/** As `nice` counts: a tenth of the time of a thread at 0 when both want the same core. */
const BACKGROUND_NICE = 10;
/** A third of it: for what users wait for, beside what nobody may hold up. */
export const SERVING_NICE = 5;

/**
 * Lets the other threads of the process go first on a busy core, from now on. Linux has priorities by thread; elsewhere,
 * and where it is not allowed, nothing happens.
 */
export function yieldToOtherThreads(nice: number = BACKGROUND_NICE): void {
  if (isMainThread) return;
  try {
    // <process>/task/<thread>
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    // Never up, where the whole process yields to others already.
    setPriority(thread, Math.max(getPriority(thread), nice));
  } catch {
    // No such link, or no such right: the thread works all the same.
  }
}
