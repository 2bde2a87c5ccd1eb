import { EMPTY_CODE_HASH, type Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { CodeTable } from './code-table.ts';

interface CachedCode {
  readonly hash: Hash;
  code: Bytes | undefined;
}

/**
 * Hashes and codes that the owner has read, outside the shared memory: whoever analyses a code keys the result by its
 * array, which therefore is the same each time.
 */
export class CodeCache {
  readonly #codes: CodeTable;
  readonly #cached = new Map<number, CachedCode>();

  constructor(codes: CodeTable) {
    this.#codes = codes;
  }

  hashOf(number: number): Hash {
    return number === 0 ? EMPTY_CODE_HASH : this.#entry(number).hash;
  }

  /** Undefined: the hash is not that of a known code. */
  getCode(hash: Hash): Bytes | undefined {
    const number = this.#codes.find(hash);
    if (number <= 0) return undefined;
    const entry = this.#entry(number);
    entry.code ??= this.#codes.codeOf(number);
    return entry.code;
  }

  /** Forgets codes with numbers from `first` to `last`: the numbers will mean others. */
  forget(first: number, last: number): void {
    for (let number = first; number <= last; number++) this.#cached.delete(number);
  }

  #entry(number: number): CachedCode {
    const known = this.#cached.get(number);
    if (known !== undefined) return known;
    const made: CachedCode = { hash: this.#codes.hashOf(number), code: undefined };
    this.#cached.set(number, made);
    return made;
  }
}
