import type { BlockChanges, OldRows } from '../../protocol/ports/history.ts';
import { collectChangedRows, ROWS_AT_ONCE } from './changed-rows.ts';
import { ACCOUNT_BODY_WORDS, WORD_WORDS } from './layout.ts';
import type { NetRange } from './net-range.ts';
import { bodyAt, isSameBody, NO_BODY } from './old-values.ts';
import { RowPacker } from './row-values.ts';
import type { ReadGuard } from './sequence-lock.ts';
import { ChunkWriter, MAX_ROW_BYTES } from './snapshot-format.ts';
import type { TableCore } from './table-core.ts';

/** What is packed in one go. */
const RUN_BYTES = ROWS_AT_ONCE * MAX_ROW_BYTES;

/**
 * The old values of what changed in a range, packed (row-values.ts): no bytes for an account that did not exist and for a
 * clear slot.
 * @param guard throws once the range is not kept any more
 */
export function composeBlockChanges(core: TableCore, range: NetRange, guard: ReadGuard): BlockChanges {
  const changed = collectChangedRows(core, range, guard);
  const { from, to } = range;
  const { accounts, slots, memory } = core;
  const packer = new RowPacker(core);
  const packAccount: PackOldRow = (row, writer) => {
    const [version, current] = [accounts.versionOf(row), accounts.bodyOf(row)];
    const before = row < from.mark.accounts ? bodyAt(memory, version, current, from.serial) : NO_BODY;
    if (isSameBody(memory, before, bodyAt(memory, version, current, to.serial), 0, ACCOUNT_BODY_WORDS)) return false;
    if (before !== NO_BODY && accounts.exists(before)) packer.packAccount(before, writer);
    return true;
  };
  const packSlot: PackOldRow = (row, writer) => {
    const [version, current] = [slots.versionOf(row), slots.bodyOf(row)];
    const before = row < from.mark.slots ? bodyAt(memory, version, current, from.serial) : NO_BODY;
    if (isSameBody(memory, before, bodyAt(memory, version, current, to.serial), 0, WORD_WORDS)) return false;
    if (before !== NO_BODY) packer.packValue(before, writer);
    return true;
  };
  return {
    accounts: packOldRows(changed.accounts, packAccount, from.mark.accounts, guard),
    slots: packOldRows(changed.slots, packSlot, from.mark.slots, guard),
  };
}

/** Packs the old value of a row; false when it is as it was. */
type PackOldRow = (row: number, writer: ChunkWriter) => boolean;

function packOldRows(candidates: Uint32Array, pack: PackOldRow, firstNew: number, guard: ReadGuard): OldRows {
  candidates.sort();
  const writer = new ChunkWriter(RUN_BYTES);
  const rows = new Uint32Array(candidates.length);
  const ends = new Uint32Array(candidates.length);
  let count = 0;
  for (let first = 0; first < candidates.length; first += ROWS_AT_ONCE) {
    // At least twice as much each time, as it makes room for exactly what it is asked for.
    if (writer.position + RUN_BYTES > writer.buffer.length) writer.reserve(Math.max(RUN_BYTES, writer.position));
    const start = { count, position: writer.position };
    count = guard(() => {
      writer.position = start.position;
      let next = start.count;
      for (const row of candidates.subarray(first, first + ROWS_AT_ONCE)) {
        if (!pack(row, writer)) continue;
        rows[next] = row;
        ends[next++] = writer.position;
      }
      return next;
    });
  }
  return { rows: rows.subarray(0, count), ends: ends.subarray(0, count), values: writer.take(), firstNew };
}
