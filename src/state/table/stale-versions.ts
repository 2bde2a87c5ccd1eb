import { CONTROL_FLOOR_SERIAL } from './layout.ts';
import { ageOf } from './serials.ts';
import type { TableCore } from './table-core.ts';

/** Rows of each kind looked at per mini-block: all of them thousands of times before the serials wrap. */
const ROWS_AT_ONCE = 16;

/**
 * Takes links to versions that were given up out of the rows, a few at a time. They are never followed, as their serials
 * are too old; but serials wrap, and after 2^32 applications an old one would be young again.
 */
export class StaleVersions {
  readonly #core: TableCore;
  #account = 0;
  #slot = 0;

  constructor(core: TableCore) {
    this.#core = core;
  }

  unlinkSome(): void {
    const { accounts, slots } = this.#core;
    for (let i = 0; i < ROWS_AT_ONCE; i++) {
      this.#account = this.#account + 1 < accounts.count ? this.#account + 1 : 0;
      if (accounts.count > 0) this.#unlink(accounts.versionOf(this.#account));
      this.#slot = this.#slot + 1 < slots.count ? this.#slot + 1 : 0;
      if (slots.count > 0) this.#unlink(slots.versionOf(this.#slot));
    }
  }

  #unlink(version: number): void {
    const { memory } = this.#core;
    const serial = memory.get(version + 1);
    // The one that made the state at the floor is given up, too: nobody reads what was before it.
    const isStale = serial !== 0 && ageOf(memory, serial) >= ageOf(memory, memory.get(CONTROL_FLOOR_SERIAL));
    if (isStale) memory.fill(version, 2);
  }
}
