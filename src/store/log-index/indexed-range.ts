import type { IndexedBlocks } from './log-index-database.ts';

/** The blocks that are indexed, as every thread sees them: one of them writes. */
export class IndexedRange {
  readonly shared: SharedArrayBuffer;
  /** First and last block. */
  readonly #cells: BigInt64Array;

  /** @param shared of the range in another thread; without it, an empty range of its own */
  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
    this.#cells = new BigInt64Array(this.shared);
    if (shared === undefined) this.set({ first: 1, last: 0 });
  }

  /** The ends are read one after the other: the first one only goes up, so that they never promise too much. */
  read(): IndexedBlocks {
    const last = Number(Atomics.load(this.#cells, 1));
    return { first: Number(Atomics.load(this.#cells, 0)), last };
  }

  set({ first, last }: IndexedBlocks): void {
    Atomics.store(this.#cells, 0, BigInt(first));
    Atomics.store(this.#cells, 1, BigInt(last));
  }
}
