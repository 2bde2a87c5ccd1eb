import { setImmediate as nextTurn } from 'node:timers/promises';

/** Cuts work for somebody who waits into slices, between which the event loop gets a turn. */
export class TurnSlice {
  readonly #lengthMs: number;
  #startedMs = performance.now();

  /** @param lengthMs longest slice, ms; a piece of work that takes longer makes it longer */
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Undefined while the slice lasts, else a promise of the turn in which the next one begins. */
  pause(): Promise<void> | undefined {
    return performance.now() - this.#startedMs < this.#lengthMs ? undefined : this.next();
  }

  /** Ends the slice before its time. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startedMs = performance.now();
  }
}
