import { errorMessage, StrobeError } from '../../util/errors.ts';
import { CONTROL_MEMORY_PAGES, CONTROL_PAGES, PAGE_WORDS } from './layout.ts';
import type { TableMemory } from './table-memory.ts';

/** The memory grows by at least a 16th of itself, so that views are seldom made again; untouched pages cost nothing. */
const GROWTH_FRACTION = 16;

interface FreeRun {
  page: number;
  pages: number;
}

/** Gives out runs of pages of a table's memory and takes them back. Only the owner of the table has one. */
export class PageAllocator {
  readonly #memory: TableMemory;
  /** Runs that were given back, ascending and not adjacent. */
  readonly #free: FreeRun[] = [];
  /** Pages given out so far. */
  #end = CONTROL_PAGES;
  #grown: number;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#grown = memory.get(CONTROL_MEMORY_PAGES);
  }

  /** Pages in use. */
  get pages(): number {
    return this.#free.reduce((pages, run) => pages - run.pages, this.#end);
  }

  /**
   * Address of a run of pages with any content.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  allocate(pages: number): number {
    const index = this.#free.findIndex((run) => run.pages >= pages);
    const run = this.#free[index];
    if (run === undefined) return this.allocateZeroed(pages);
    const page = run.page;
    run.page += pages;
    run.pages -= pages;
    if (run.pages === 0) this.#free.splice(index, 1);
    return page * PAGE_WORDS;
  }

  /**
   * Address of a run of pages that were never used and so are zero, without the time it takes to clear them.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  allocateZeroed(pages: number): number {
    const page = this.#end;
    if (page + pages > this.#grown) this.#grow(page + pages - this.#grown);
    this.#end += pages;
    return page * PAGE_WORDS;
  }

  release(address: number, pages: number): void {
    const page = address / PAGE_WORDS;
    let index = this.#free.findIndex((run) => run.page > page);
    if (index === -1) index = this.#free.length;
    this.#free.splice(index, 0, { page, pages });
    this.#merge(index);
    if (index > 0) this.#merge(index - 1);
  }

  /** Joins run `index` and the one behind it where they touch. */
  #merge(index: number): void {
    const [run, next] = [this.#free[index], this.#free[index + 1]];
    if (run === undefined || next === undefined || run.page + run.pages !== next.page) return;
    run.pages += next.pages;
    this.#free.splice(index + 1, 1);
  }

  #grow(needed: number): void {
    const comfortable = Math.max(needed, Math.floor(this.#grown / GROWTH_FRACTION));
    if (!this.#tryGrow(comfortable)) this.#growExactly(needed);
    this.#memory.refresh();
    this.#memory.set(CONTROL_MEMORY_PAGES, this.#grown);
  }

  #tryGrow(pages: number): boolean {
    try {
      this.#grown = this.#memory.shared.grow(pages) + pages;
      return true;
    } catch {
      return false;
    }
  }

  #growExactly(pages: number): void {
    try {
      this.#grown = this.#memory.shared.grow(pages) + pages;
    } catch (error) {
      throw new StrobeError('STATE_MEMORY_EXHAUSTED', `the state table cannot grow: ${errorMessage(error)}`, {
        pages: this.#grown,
        needed: pages,
      });
    }
  }
}
