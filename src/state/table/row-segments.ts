import { Scratch } from '../../protocol/compact-diff/scratch.ts';
import { StrobeError } from '../../util/errors.ts';
import { PAGE_WORDS, type RowLayout, WORD_WORDS } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { TableMemory } from './table-memory.ts';

const addressScratch = new Scratch();

/** Rows of one kind in segments that never move. */
export class RowSegments {
  readonly #memory: TableMemory;
  readonly #layout: RowLayout;
  // Of the layout: this is the innermost function of all.
  readonly #directory: number;
  readonly #shift: number;
  readonly #mask: number;
  readonly #rowWords: number;
  /** What was read for nothing but to have it near. */
  #fetched = 0;

  constructor(memory: TableMemory, layout: RowLayout) {
    this.#memory = memory;
    this.#layout = layout;
    this.#directory = layout.directory;
    this.#shift = layout.shift;
    this.#mask = (1 << layout.shift) - 1;
    this.#rowWords = layout.rowWords;
  }

  get count(): number {
    return this.#memory.get(this.#layout.count);
  }

  set count(count: number) {
    this.#memory.set(this.#layout.count, count);
  }

  /** Address of a row. */
  at(row: number): number {
    return this.#memory.get(this.#directory + (row >>> this.#shift)) + (row & this.#mask) * this.#rowWords;
  }

  /**
   * Copies `words` words, from `field` of a row on, of each of these rows; what would come of rows that there are not
   * stays as it is.
   */
  readAll(rows: Uint32Array, field: number, words: number, target: Uint32Array): void {
    const memory = this.#memory.words;
    const addresses = addressScratch.uint32(rows.length);
    this.#locateAll(rows, field, addresses);
    this.#fetched ^= fetchAll(memory, addresses);
    if (words === WORD_WORDS) copyLongFields(memory, addresses, target);
    else copyFields(memory, addresses, words, target);
  }

  /** Addresses of a field, 0 for rows that there are not. */
  #locateAll(rows: Uint32Array, field: number, addresses: Uint32Array): void {
    const { count } = this;
    const memory = this.#memory.words;
    const directory = this.#directory;
    const shift = this.#shift;
    const mask = this.#mask;
    const rowWords = this.#rowWords;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      addresses[i] = row < count ? (memory[directory + (row >>> shift)] as number) + (row & mask) * rowWords + field : 0;
    }
  }

  /**
   * Makes room for `extra` rows behind the last.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  reserve(extra: number, allocator: PageAllocator): void {
    if (extra === 0) return;
    const { directory, shift, rowWords, maxSegments } = this.#layout;
    const last = (this.count + extra - 1) >>> shift;
    if (this.count + extra > maxSegments * 2 ** shift) {
      throw new StrobeError('STATE_MEMORY_EXHAUSTED', 'the state table has no room for more rows', { rows: this.count });
    }
    // Behind a rollback there are segments beyond the rows.
    let first = last + 1;
    while (first > 0 && this.#memory.get(directory + first - 1) === 0) first--;
    // Ascending: when the memory ends in the middle, none is missing below one that is there.
    for (let segment = first; segment <= last; segment++) {
      this.#memory.set(directory + segment, allocator.allocate((2 ** shift * rowWords) / PAGE_WORDS));
    }
  }
}

/**
 * Reads the word at each of these addresses, anywhere in a large memory, and does nothing else meanwhile: so the
 * processor waits for many of them at a time. They are near then.
 */
function fetchAll(memory: Int32Array, addresses: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < addresses.length; i++) sum = (sum + (memory[addresses[i] as number] as number)) | 0;
  return sum;
}

function copyFields(memory: Int32Array, addresses: Uint32Array, words: number, target: Uint32Array): void {
  for (let i = 0; i < addresses.length; i++) {
    const from = addresses[i] as number;
    if (from === 0) continue;
    const to = i * words;
    for (let k = 0; k < words; k++) target[to + k] = memory[from + k] as number;
  }
}

/** The same for fields of {@link WORD_WORDS} words, which are most: without the inner loop it takes half the time. */
function copyLongFields(memory: Int32Array, addresses: Uint32Array, target: Uint32Array): void {
  for (let i = 0, to = 0; i < addresses.length; i++, to += WORD_WORDS) {
    const from = addresses[i] as number;
    if (from === 0) continue;
    target[to] = memory[from] as number;
    target[to + 1] = memory[from + 1] as number;
    target[to + 2] = memory[from + 2] as number;
    target[to + 3] = memory[from + 3] as number;
    target[to + 4] = memory[from + 4] as number;
    target[to + 5] = memory[from + 5] as number;
    target[to + 6] = memory[from + 6] as number;
    target[to + 7] = memory[from + 7] as number;
  }
}
