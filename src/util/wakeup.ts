import { untilAborted } from './until-aborted.ts';

/** Lets a loop wait until there is something to do. A wake-up that comes while nobody waits is remembered. */
export class Wakeup {
  #isSet = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#isSet = true;
    this.#resolve?.();
  }

  /** Resolves on the next {@link Wakeup.wake}, after `timeoutMs`, or when `signal` aborts. One waiter at a time. */
  async wait(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (!this.#isSet && !signal.aborted) await this.#sleep(signal, timeoutMs);
    this.#isSet = false;
  }

  async #sleep(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
    this.#resolve = resolve;
    await untilAborted(promise, signal);
    this.#resolve = undefined;
    clearTimeout(timer);
  }

  /** Waits for `condition`, which wake-ups may make true; false when it did not come within `timeoutMs`. */
  async waitUntil(condition: () => boolean, signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (let left = timeoutMs; left > 0 && !signal.aborted; left = deadline - performance.now()) {
      if (condition()) return true;
      await this.wait(signal, left);
    }
    return condition();
  }
}
