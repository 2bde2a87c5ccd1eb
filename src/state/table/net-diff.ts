import { canonicalBytes } from '../../protocol/row-diff-canonical.ts';
import type { Bytes } from '../../util/bytes.ts';
import { recordAt, versionWords } from './journal-space.ts';
import { VERSION_OF_SLOT, VERSION_PREVIOUS_SERIAL, VERSION_ROW, WORD_WORDS } from './layout.ts';
import { NetAccounts } from './net-accounts.ts';
import { type NetSlots, rowDiffOfNet } from './net-order.ts';
import type { NetRange } from './net-range.ts';
import { bodyAt, isSameBody, NO_BODY } from './old-values.ts';
import type { ReadGuard } from './sequence-lock.ts';
import { ageOf } from './serials.ts';
import type { TableCore } from './table-core.ts';
import { TableRows } from './table-rows.ts';
import { HEADER_WORDS } from './version-journal.ts';

/** Rows looked at in one go: some 50 µs, so that a reader beside a busy writer seldom has to begin again. */
const ROWS_AT_ONCE = 256;

const WORD_BYTES = WORD_WORDS * 4;

/** A place in the journal: index of the mini-block and address of the next version. */
interface Place {
  readonly miniBlock: number;
  readonly address: number;
}

/**
 * Canonical bytes of the net change in a range (PROTOCOL section 3), composed from the rows that changed in it, in
 * columns: a second of a busy chain has a few 100,000 of them.
 * @param guard throws once the range is not kept any more
 */
export function composeNetDiff(core: TableCore, range: NetRange, guard: ReadGuard): Uint8Array<ArrayBuffer> {
  return new NetDiff(core, range, guard).compose();
}

class NetDiff {
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

  compose(): Uint8Array<ArrayBuffer> {
    const { from, to } = this.#range;
    this.#collectRows();
    const slots = this.#readSlots();
    const accounts = new NetAccounts(this.#core, this.#range, this.#accountRows.view(), slots.owners);
    for (let next = 0; next < accounts.rowCount; ) next = this.#guard(() => accounts.read(next, ROWS_AT_ONCE));
    const codes: Bytes[] = [];
    for (let code = from.mark.codes + 1; code <= to.mark.codes; code++) {
      codes.push(this.#guard(() => this.#core.codes.codeOf(code)));
    }
    // Of the exact length: a view would take the larger array behind it along to whatever thread it is posted to.
    return canonicalBytes(rowDiffOfNet(accounts.columns(), slots, codes), new TableRows(this.#core)).slice();
  }

  #collectRows(): void {
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

  /** The slots whose values differ between the two ends. */
  #readSlots(): NetSlots {
    const rows = this.#slotRows.view();
    const owners = new Uint32Array(rows.length);
    const keys = new Uint8Array(rows.length * WORD_BYTES);
    const values = new Uint8Array(rows.length * WORD_BYTES);
    let count = 0;
    for (let first = 0; first < rows.length; first += ROWS_AT_ONCE) {
      const known = count;
      count = this.#guard(() => {
        const { slots } = this.#core;
        let next = known;
        for (const row of rows.subarray(first, first + ROWS_AT_ONCE)) {
          const value = this.#changedValue(row);
          if (value === undefined) continue;
          owners[next] = slots.accountOf(row);
          slots.readKey(row, keys, next * WORD_BYTES);
          slots.readValue(value, values, next * WORD_BYTES);
          next++;
        }
        return next;
      });
    }
    return { owners: owners.subarray(0, count), keys: keys.subarray(0, count * WORD_BYTES), values };
  }

  /** Body of a slot at the end of the range; undefined when it is as it was. */
  #changedValue(row: number): number | undefined {
    const { memory, slots } = this.#core;
    const { from, to } = this.#range;
    const [version, current] = [slots.versionOf(row), slots.bodyOf(row)];
    const before = row < from.mark.slots ? bodyAt(memory, version, current, from.serial) : NO_BODY;
    const after = bodyAt(memory, version, current, to.serial);
    return isSameBody(memory, before, after, 0, WORD_WORDS) ? undefined : after;
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
