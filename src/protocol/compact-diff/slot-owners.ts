import { ROW_DELETED, type StateRows } from '../row-diff.ts';
import type { AccountColumns } from './account-reader.ts';
import { invalidCompactDiff } from './byte-reader.ts';
import { Scratch } from './scratch.ts';

const accountScratch = new Scratch();

/** Whose the slots of a message are. */
export interface SlotOwners {
  /** Index of the account by slot: into the listed accounts, and behind them into `unlisted`. */
  readonly bySlot: Uint32Array;
  /** Rows of accounts of which only slots changed, in the order of their first slots. */
  readonly unlisted: readonly number[];
}

/** Row of the account of an index; those that are not listed follow those that are. */
export function accountRowAt(accounts: AccountColumns, owners: SlotOwners, index: number): number {
  const listed = accounts.rows.length;
  return (index < listed ? accounts.rows[index] : owners.unlisted[index - listed]) as number;
}

/**
 * @param slotRows ascending, so that slots of one account are often neighbours and the new ones last
 * @param newSlotAccounts account rows of the new ones
 * @throws StrobeError INVALID_COMPACT_DIFF when a deleted account has slots, or a new one neither fields nor slots
 */
export function findSlotOwners(
  slotRows: Uint32Array,
  newSlotAccounts: Uint32Array,
  accounts: AccountColumns,
  rows: StateRows,
): SlotOwners {
  const slotAccounts = accountScratch.uint32(slotRows.length);
  rows.readSlotAccounts(slotRows, slotAccounts);
  slotAccounts.set(newSlotAccounts, slotRows.length - newSlotAccounts.length);
  const bySlot = new Uint32Array(slotRows.length);
  const unlisted: number[] = [];
  const unlistedIndices = new Map<number, number>();
  const hasSlots = new Uint8Array(accounts.rows.length);
  let lastRow = -1;
  let lastIndex = -1;
  for (let i = 0; i < slotRows.length; i++) {
    const row = slotAccounts[i] as number;
    if (row !== lastRow) {
      lastRow = row;
      lastIndex = indexOfRow(accounts.rows, row);
      if (lastIndex >= 0) {
        hasSlots[lastIndex] = 1;
      } else {
        lastIndex = unlistedIndices.get(row) ?? accounts.rows.length + unlisted.length;
        if (lastIndex === accounts.rows.length + unlisted.length) {
          unlistedIndices.set(row, lastIndex);
          unlisted.push(row);
        }
      }
    }
    bySlot[i] = lastIndex;
  }
  for (let i = 0; i < hasSlots.length; i++) assertPlausible(accounts.flags[i] as number, hasSlots[i] === 1);
  return { bySlot, unlisted };
}

function assertPlausible(flags: number, hasSlots: boolean): void {
  if (hasSlots && flags === ROW_DELETED) throw invalidCompactDiff('a deleted account has slots');
  if (!hasSlots && flags === 0) throw invalidCompactDiff('a new account has neither fields nor slots');
}

/** Position of a row among ascending ones, -1 when it is not there. */
function indexOfRow(rows: Uint32Array, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as number) < row) low = middle + 1;
    else high = middle;
  }
  return rows[low] === row ? low : -1;
}
