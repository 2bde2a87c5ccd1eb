import { EMPTY_CODE_HASH, type Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { CodeTable } from './code-table.ts';
import { RecentEntries } from './recent-entries.ts';

/**
 * Hashes and codes that the owner has read lately, outside the shared memory: whoever analyses a code keys the result by
 * its array, which therefore is the same each time as long as it is in use.
 */
export class CodeCache {
  readonly #table: CodeTable;
  /** By number. */
  readonly #hashes: RecentEntries<number, Hash>;
  readonly #codes: RecentEntries<number, Bytes>;

  /** @param maxBytes see {@link RecentEntries} */
  constructor(table: CodeTable, maxBytes?: number) {
    this.#table = table;
    this.#hashes = new RecentEntries(maxBytes);
    this.#codes = new RecentEntries(maxBytes);
  }

  hashOf(number: number): Hash {
    if (number === 0) return EMPTY_CODE_HASH;
    const known = this.#hashes.get(number);
    if (known !== undefined) return known;
    const hash = this.#table.hashOf(number);
    this.#hashes.set(number, hash);
    return hash;
  }

  /** Undefined: the hash is not that of a known code. */
  getCode(hash: Hash): Bytes | undefined {
    const number = this.#table.find(hash);
    if (number <= 0) return undefined;
    const known = this.#codes.get(number);
    if (known !== undefined) return known;
    const code = this.#table.codeOf(number);
    this.#codes.set(number, code);
    return code;
  }

  /** Forgets codes with numbers from `first` to `last`: the numbers will mean others. */
  forget(first: number, last: number): void {
    for (let number = first; number <= last; number++) {
      this.#hashes.delete(number);
      this.#codes.delete(number);
    }
  }
}
