import { recordAt, versionWords } from './journal-space.ts';
import { VERSION_OF_SLOT, VERSION_PREVIOUS_SERIAL, VERSION_ROW } from './layout.ts';
import type { NetRange } from './net-range.ts';
import type { ReadGuard } from './sequence-lock.ts';
import { ageOf } from './serials.ts';
import type { TableCore } from './table-core.ts';
import { HEADER_WORDS } from './version-journal.ts';

/** Rows looked at in one go: some 50 µs, so that a reader beside a busy writer seldom has to begin again. */
export const ROWS_AT_ONCE = 256;

/** A place in the journal: index of the mini-block and address of the next version. */
interface Place {
  readonly miniBlock: number;
  readonly address: number;
}

/** Rows that were written in a range or that it added, each once, in no particular order. */
export interface ChangedRows {
  readonly accounts: Uint32Array;
  readonly slots: Uint32Array;
}

/** @param guard throws once the range is not kept any more */
export function collectChangedRows(core: TableCore, range: NetRange, guard: ReadGuard): ChangedRows {
  return new RowCollector(core, range, guard).collect();
}

class RowCollector {
  readonly #core: TableCore;
  readonly #range: NetRange;
  readonly #guard: ReadGuard;
  readonly #accountRows = new RowList();
  readonly #slotRows = new RowList();

  constructor(core: TableCore, range: NetRange, guard: ReadGuard) {
    this.#core = core;
    this.#range = range;
    this.#guard = guard;
  }

  collect(): ChangedRows {
    const { headers, from, to } = this.#range;
    const [first] = headers;
    let place: Place | undefined = first === undefined ? undefined : { miniBlock: 0, address: first + HEADER_WORDS };
    while (place !== undefined) {
      const start: Place = place;
      const [accounts, slots] = [this.#accountRows.length, this.#slotRows.length];
      place = this.#guard(() => {
        this.#accountRows.length = accounts;
        this.#slotRows.length = slots;
        return this.#collectSome(start);
      });
    }
    for (let row = from.mark.accounts; row < to.mark.accounts; row++) this.#accountRows.push(row);
    for (let row = from.mark.slots; row < to.mark.slots; row++) this.#slotRows.push(row);
    return { accounts: this.#accountRows.view(), slots: this.#slotRows.view() };
  }

  /** Returns the place of the next version, undefined behind the last. */
  #collectSome({ miniBlock, address }: Place): Place | undefined {
    const { headers, end } = this.#range;
    const { memory } = this.#core;
    let at = address;
    let count = 0;
    for (let index = miniBlock; index < headers.length; index++) {
      const limit = headers[index + 1] ?? end;
      while (at !== limit) {
        const version = recordAt(memory, at);
        if (version === limit) break;
        if (count++ === ROWS_AT_ONCE) return { miniBlock: index, address: version };
        this.#collectVersion(version);
        at = version + versionWords(memory, version);
      }
      at = limit + HEADER_WORDS;
    }
    return undefined;
  }

  /** Takes rows that were there at the start, each at its first change: the version before that is not in the range. */
  #collectVersion(version: number): void {
    const { memory } = this.#core;
    const { from } = this.#range;
    const tagged = memory.get(version + VERSION_ROW);
    const row = tagged & ~VERSION_OF_SLOT;
    const ofSlot = (tagged & VERSION_OF_SLOT) !== 0;
    if (row >= (ofSlot ? from.mark.slots : from.mark.accounts)) return;
    if (ageOf(memory, memory.get(version + VERSION_PREVIOUS_SERIAL)) < ageOf(memory, from.serial)) return;
    (ofSlot ? this.#slotRows : this.#accountRows).push(row);
  }
}

const FIRST_CAPACITY = 1_024;

/** Row numbers in a growing array. */
class RowList {
  #rows = new Uint32Array(FIRST_CAPACITY);
  length = 0;

  push(row: number): void {
    if (this.length === this.#rows.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.length++] = row;
  }

  view(): Uint32Array {
    return this.#rows.subarray(0, this.length);
  }
}
