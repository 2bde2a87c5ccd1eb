/** Wakes whoever waits for a condition on shared state; the owners of the state call {@link ChangeSignal.notify}. */
export class ChangeSignal {
  #changed = Promise.withResolvers<void>();

  notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Resolves true once `condition` holds (checked now and at every change), false when `signal` aborts first. */
  async waitUntil(condition: () => boolean, signal: AbortSignal): Promise<boolean> {
    if (condition()) return true;
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!condition()) {
        if (signal.aborted) return false;
        await Promise.race([this.#changed.promise, aborted.promise]);
      }
      return true;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
