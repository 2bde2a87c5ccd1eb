import { StrobeError } from '../../util/errors.ts';
import { PAGE_WORDS, type RowLayout } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { TableMemory } from './table-memory.ts';

/** Rows of one kind in segments that never move. */
export class RowSegments {
  readonly #memory: TableMemory;
  readonly #layout: RowLayout;
  // Of the layout: this is the innermost function of all.
  readonly #directory: number;
  readonly #shift: number;
  readonly #mask: number;
  readonly #rowWords: number;

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
    for (let segment = last; segment >= 0 && this.#memory.get(directory + segment) === 0; segment--) {
      this.#memory.set(directory + segment, allocator.allocate((2 ** shift * rowWords) / PAGE_WORDS));
    }
  }
}
