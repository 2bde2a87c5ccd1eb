import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted } from './snapshot-errors.ts';

export interface WriteRateModules {
  /** ms of a clock that only goes forward. */
  readonly now: () => number;
  /** Rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

const REAL_TIME: WriteRateModules = {
  now: () => performance.now(),
  wait: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** How much time without writing may be made up for in one go, ms. */
const MAX_CREDIT_MS = 50;

/** Spreads a long write: a turn of the event loop after each chunk, and a bound on bytes per second. */
export class WriteRate {
  readonly #bytesPerSecond: number;
  readonly #modules: WriteRateModules;
  /** When all written so far is within the bound. */
  #dueMs: number;

  /** Infinity: no bound. */
  constructor(bytesPerSecond: number, modules: WriteRateModules = REAL_TIME) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#modules = modules;
    this.#dueMs = modules.now();
  }

  /** Resolves when writing may go on after `bytes` more. @throws StrobeError ABORTED */
  async spent(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const now = this.#modules.now();
    this.#dueMs = Math.max(this.#dueMs, now - MAX_CREDIT_MS) + (bytes / this.#bytesPerSecond) * 1_000;
    const waitMs = this.#dueMs - now;
    try {
      if (waitMs >= 1) await this.#modules.wait(waitMs, signal);
      else await nextTurn();
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    }
    throwIfAborted(signal);
  }
}
