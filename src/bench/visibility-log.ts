/** Shared by the logs of a run: hash (0x, lower case) to transaction index. */
export type HashIndex = ReadonlyMap<string, number>;

export function indexHashes(hashes: readonly string[]): HashIndex {
  return new Map(hashes.map((hash, index) => [hash, index]));
}

/** When one node first showed each transaction of the run as included. */
export class VisibilityLog {
  readonly #index: HashIndex;
  /** `performance.now()` milliseconds; NaN while not seen. */
  readonly #seenAtMs: Float64Array;
  #seenCount = 0;

  constructor(index: HashIndex) {
    this.#index = index;
    this.#seenAtMs = new Float64Array(index.size).fill(Number.NaN);
  }

  get seenCount(): number {
    return this.#seenCount;
  }

  /** Records those of `hashes` that belong to the run and gives the indices that are new. */
  record(hashes: readonly string[], atMs: number): number[] {
    const added: number[] = [];
    for (const hash of hashes) {
      const index = this.#index.get(hash);
      if (index === undefined || !Number.isNaN(this.#seenAtMs[index] as number)) continue;
      this.#seenAtMs[index] = atMs;
      added.push(index);
    }
    this.#seenCount += added.length;
    return added;
  }

  /** Undefined while not seen. */
  seenAtMs(index: number): number | undefined {
    const at = this.#seenAtMs[index];
    return at === undefined || Number.isNaN(at) ? undefined : at;
  }
}
