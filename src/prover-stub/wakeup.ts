/** Lets a loop wait until there is something to do. A wake-up that comes while nobody waits is remembered. */
export class Wakeup {
  #isSet = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#isSet = true;
    this.#resolve?.();
  }

  /** Resolves with true on a {@link Wakeup.wake}, with false after `timeoutMs` or when `signal` aborts. One waiter at a time. */
  async wait(signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    if (!this.#isSet && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#resolve = resolve;
      await promise;
      this.#resolve = undefined;
      clearTimeout(timer);
    }
    const woken = this.#isSet;
    this.#isSet = false;
    return woken;
  }
}
