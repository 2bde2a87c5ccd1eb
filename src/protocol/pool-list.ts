import { toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { ListedTransaction } from './ports/pool.ts';

/** Raw transactions in a listing of the pool at most: as JSON they are more than twice that, held whole. */
const MAX_LISTED_BYTES = 16 * 1024 * 1024;

/** A listing of the pool that grows transaction by transaction, each of them once. */
export class PoolList {
  readonly #limit: number;
  readonly #listed = new Map<string, ListedTransaction>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws StrobeError POOL_TOO_LARGE */
  add(listed: ListedTransaction): void {
    const { hash, raw } = listed.transaction;
    if (this.#listed.has(toKey(hash))) return;
    this.#bytes += raw.length;
    if (this.#listed.size === this.#limit || this.#bytes > MAX_LISTED_BYTES) {
      const bounds = `at most ${this.#limit} transactions of ${MAX_LISTED_BYTES} bytes are listed`;
      throw new StrobeError('POOL_TOO_LARGE', `too many transactions: ${bounds}`, { limit: this.#limit });
    }
    this.#listed.set(toKey(hash), listed);
  }

  transactions(): readonly ListedTransaction[] {
    return [...this.#listed.values()];
  }
}
