import { RUN_LAYOUT } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import { RowSegments } from './row-segments.ts';
import type { TableMemory } from './table-memory.ts';

export interface RunEnd {
  readonly accounts: number;
  readonly slots: number;
}

/**
 * In which order accounts and slots were committed: runs of accounts and then slots, as few as there can be. The
 * registry's digest goes over the rows in this order, and row numbers alone do not say it.
 */
export class CommitRuns {
  readonly #memory: TableMemory;
  readonly #rows: RowSegments;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#rows = new RowSegments(memory, RUN_LAYOUT);
  }

  get count(): number {
    return this.#rows.count;
  }

  /** Rows there were at the end of a run. */
  endOf(run: number): RunEnd {
    const at = this.#rows.at(run);
    return { accounts: this.#memory.get(at), slots: this.#memory.get(at + 1) };
  }

  /** Runs that the first `accounts` and `slots` rows make. */
  countUpTo(accounts: number, slots: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const end = this.endOf(middle);
      if (end.accounts >= accounts && end.slots >= slots) high = middle;
      else low = middle + 1;
    }
    return accounts === 0 ? 0 : low + 1;
  }

  /**
   * Makes room for one run.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  reserve(allocator: PageAllocator): void {
    this.#rows.reserve(1, allocator);
  }

  /** Adds the rows of a mini-block, after which there are so many; there is room for a run. */
  extend(accounts: number, slots: number): void {
    const last = this.#end(this.count - 1);
    if (accounts === last.accounts && slots === last.slots) return;
    const hasSlots = last.slots > this.#end(this.count - 2).slots;
    // Accounts behind accounts, and slots behind slots, go on with the run.
    if (this.count === 0 || (accounts > last.accounts && hasSlots)) this.#rows.count++;
    this.#setLast(accounts, slots);
  }

  /** Forgets the rows behind so many. */
  truncate(accounts: number, slots: number): void {
    this.#rows.count = Math.min(this.count, this.countUpTo(accounts, slots));
    if (this.count > 0) this.#setLast(accounts, slots);
  }

  #end(run: number): RunEnd {
    return run < 0 ? { accounts: 0, slots: 0 } : this.endOf(run);
  }

  #setLast(accounts: number, slots: number): void {
    const at = this.#rows.at(this.count - 1);
    this.#memory.set(at, accounts);
    this.#memory.set(at + 1, slots);
  }
}
