import { setTimeout as sleep } from 'node:timers/promises';

/** Longest that background work holds the event loop: a mini-block may be late by this much because of it. */
const SLICE_MS = 1.5;
/** Rest behind a slice, times its length: background work takes a third of the thread at most. */
const REST_FACTOR = 2;

/** Gives background work the event loop in short slices, with rests between them. */
export class TimeSlice {
  #startedMs = performance.now();

  /** True when it is time to `await slice.rest(signal)`. */
  isOver(): boolean {
    return performance.now() - this.#startedMs >= SLICE_MS;
  }

  /** Ends at once when `signal` aborts: whoever works asks the signal. */
  async rest(signal: AbortSignal): Promise<void> {
    const workedMs = performance.now() - this.#startedMs;
    await sleep(workedMs * REST_FACTOR, undefined, { signal }).catch(() => undefined);
    this.restart();
  }

  /** Begins a new slice: what passed meanwhile was no work. */
  restart(): void {
    this.#startedMs = performance.now();
  }
}
