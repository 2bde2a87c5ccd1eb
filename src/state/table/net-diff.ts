import { canonicalBytes } from '../../protocol/row-diff-canonical.ts';
import type { Bytes } from '../../util/bytes.ts';
import { collectChangedRows, ROWS_AT_ONCE } from './changed-rows.ts';
import { WORD_WORDS } from './layout.ts';
import { NetAccounts } from './net-accounts.ts';
import { type NetSlots, rowDiffOfNet } from './net-order.ts';
import type { NetRange } from './net-range.ts';
import { bodyAt, isSameBody, NO_BODY } from './old-values.ts';
import type { ReadGuard } from './sequence-lock.ts';
import type { TableCore } from './table-core.ts';
import { TableRows } from './table-rows.ts';

const WORD_BYTES = WORD_WORDS * 4;

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

  constructor(core: TableCore, range: NetRange, guard: ReadGuard) {
    this.#core = core;
    this.#range = range;
    this.#guard = guard;
  }

  compose(): Uint8Array<ArrayBuffer> {
    const { from, to } = this.#range;
    const changed = collectChangedRows(this.#core, this.#range, this.#guard);
    const slots = this.#readSlots(changed.slots);
    const accounts = new NetAccounts(this.#core, this.#range, changed.accounts, slots.owners);
    for (let next = 0; next < accounts.rowCount; ) next = this.#guard(() => accounts.read(next, ROWS_AT_ONCE));
    const codes: Bytes[] = [];
    for (let code = from.mark.codes + 1; code <= to.mark.codes; code++) {
      codes.push(this.#guard(() => this.#core.codes.codeOf(code)));
    }
    // Of the exact length: a view would take the larger array behind it along to whatever thread it is posted to.
    return canonicalBytes(rowDiffOfNet(accounts.columns(), slots, codes), new TableRows(this.#core)).slice();
  }

  /** The slots whose values differ between the two ends. */
  #readSlots(rows: Uint32Array): NetSlots {
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
