import { type Bytes, toKey } from '../util/bytes.ts';

/** Remembers the newest byte strings, forgetting the oldest. */
export class RecentSet {
  readonly #maxEntries: number;
  readonly #keys = new Set<string>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  add(value: Bytes): void {
    this.#keys.add(toKey(value));
    for (const oldest of this.#keys) {
      if (this.#keys.size <= this.#maxEntries) return;
      this.#keys.delete(oldest);
    }
  }

  has(value: Bytes): boolean {
    return this.#keys.has(toKey(value));
  }
}
