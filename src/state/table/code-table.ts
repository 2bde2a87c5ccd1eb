import { EMPTY_CODE_HASH, type Hash } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual } from '../../util/bytes.ts';
import { CodeStore } from './code-store.ts';
import { HashIndex, type IndexedKeys } from './hash-index.ts';
import { CODE_ADDRESS, CODE_LAYOUT, CODE_LENGTH, WORD_WORDS } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import { RowSegments } from './row-segments.ts';
import { type TableMemory, wordAt } from './table-memory.ts';

/** Codes by number, in the order in which they became known; number 0 is the empty code, which has no row. */
export class CodeTable implements IndexedKeys {
  readonly keyWords = WORD_WORDS;
  readonly staged: Int32Array = new Int32Array(WORD_WORDS);
  readonly #memory: TableMemory;
  readonly #rows: RowSegments;
  readonly #index: HashIndex;
  readonly #store: CodeStore;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#rows = new RowSegments(memory, CODE_LAYOUT);
    this.#index = new HashIndex(memory, CODE_LAYOUT.index, this);
    this.#store = new CodeStore(memory);
  }

  /** Codes beside the empty one; also the highest number. */
  get count(): number {
    return this.#rows.count;
  }

  /** Number of a code, -1 if it is not known; `hash` is read from `offset` on. */
  find(hash: Bytes, offset = 0): number {
    this.#stage(hash, offset);
    const row = this.#index.find(this.#index.hash());
    if (row !== -1) return row + 1;
    return isEmptyCodeHash(hash, offset) ? 0 : -1;
  }

  matches(row: number, at: number): boolean {
    const address = this.#rows.at(row);
    for (let i = 0; i < WORD_WORDS; i++) if (this.#memory.get(address + i) !== this.staged[at + i]) return false;
    return true;
  }

  /** Address of a row. */
  at(row: number): number {
    return this.#rows.at(row);
  }

  /**
   * Makes room for codes.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  reserve(codes: readonly Bytes[], allocator: PageAllocator): void {
    if (codes.length === 0) return;
    this.#rows.reserve(codes.length, allocator);
    this.#index.reserve(this.count, codes.length, allocator);
    this.#store.reserve(codes, allocator);
  }

  /** Adds a code that is not known; there is room for it. Returns its number. */
  add(hash: Hash, code: Bytes, allocator: PageAllocator): number {
    const row = this.count;
    const at = this.#rows.at(row);
    this.#stage(hash, 0);
    this.#memory.writeBytes(at, WORD_WORDS, hash, 0);
    this.#memory.set(at + CODE_ADDRESS, this.#store.put(code));
    this.#memory.set(at + CODE_LENGTH, code.length);
    this.#index.insert(this.#index.hash(), row, allocator);
    this.#rows.count = row + 1;
    return row + 1;
  }

  /** Forgets the codes above number `count`. */
  truncate(count: number, allocator: PageAllocator): void {
    for (let row = this.count - 1; row >= count; row--) {
      const at = this.#rows.at(row);
      for (let i = 0; i < WORD_WORDS; i++) this.staged[i] = this.#memory.get(at + i);
      this.#index.delete(this.#index.hash(), row);
      this.#store.takeBack(this.#memory.get(at + CODE_ADDRESS), allocator);
      this.#rows.count = row;
    }
  }

  /** A copy. */
  hashOf(number: number): Hash {
    if (number === 0) return EMPTY_CODE_HASH;
    const hash = new Uint8Array(32);
    this.#memory.readBytes(this.#rows.at(number - 1), WORD_WORDS, hash, 0);
    return hash;
  }

  /** A copy; the number is not 0. */
  codeOf(number: number): Bytes {
    const { address, length } = this.placeOf(number);
    return new Uint8Array(this.#memory.bytes(address, length));
  }

  /** Where the bytes lie, which never move; the number is not 0. */
  placeOf(number: number): { readonly address: number; readonly length: number } {
    const at = this.#rows.at(number - 1);
    return { address: this.#memory.get(at + CODE_ADDRESS), length: this.#memory.get(at + CODE_LENGTH) };
  }

  #stage(hash: Bytes, offset: number): void {
    for (let i = 0; i < WORD_WORDS; i++) this.staged[i] = wordAt(hash, offset + i * 4);
  }
}

function isEmptyCodeHash(hash: Bytes, offset: number): boolean {
  return bytesEqual(EMPTY_CODE_HASH, hash.subarray(offset, offset + 32));
}
