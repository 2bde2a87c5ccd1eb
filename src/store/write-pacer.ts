import { setImmediate } from 'node:timers/promises';

/** Rows put into a batch before other work gets its turn: about a quarter of a millisecond. */
const ROWS_PER_TURN = 256;

/** Lets the event loop breathe while a large batch is filled, so that the mini-block clock does not wait for it. */
export class WritePacer {
  #rows = 0;

  /** Counts a row; true when it is time to `await pacer.yield()`. */
  isDue(): boolean {
    this.#rows++;
    return this.#rows % ROWS_PER_TURN === 0;
  }

  yield(): Promise<void> {
    return setImmediate();
  }
}
