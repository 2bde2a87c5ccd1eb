import type { RowDiff, StateRows } from '../row-diff.ts';
import type { AccountColumns } from './account-reader.ts';
import { inverse, orderKeys } from './key-order.ts';
import { Scratch } from './scratch.ts';
import type { SlotOwners } from './slot-owners.ts';
import { bytesOf, WORD_BYTES, WORD_LIMBS } from './words.ts';

const ADDRESS_BYTES = 20;
const ADDRESS_LIMBS = 5;

const rowScratch = new Scratch();
const keyScratch = new Scratch();
const groupScratch = new Scratch();

/** Where the entries of a message, which are in the order of rows, stand in the canonical form. */
export interface CanonicalOrder {
  /** By index of the account: first the listed ones, then those of which only slots changed. */
  readonly accountPositions: Uint32Array;
  /** By index of the slot. */
  readonly slotPositions: Uint32Array;
}

/** Accounts by address, slots by address and key. */
export function canonicalOrder(
  accounts: AccountColumns,
  owners: SlotOwners,
  slotRows: Uint32Array,
  { newAddresses, newSlotKeys }: Pick<RowDiff, 'newAddresses' | 'newSlotKeys'>,
  rows: StateRows,
): CanonicalOrder {
  const listed = accounts.rows.length;
  const accountCount = listed + owners.unlisted.length;
  const accountRows = rowScratch.uint32(accountCount);
  accountRows.set(accounts.rows);
  accountRows.set(owners.unlisted, listed);
  const addressWords = keyScratch.uint32(accountCount * ADDRESS_LIMBS);
  rows.readAddresses(accountRows, addressWords);
  const addresses = bytesOf(addressWords);
  addresses.set(newAddresses, listed * ADDRESS_BYTES - newAddresses.length);
  const accountPositions = inverse(orderKeys(addresses, ADDRESS_BYTES, accountCount));

  const groups = groupScratch.uint32(slotRows.length);
  for (let i = 0; i < slotRows.length; i++) groups[i] = accountPositions[owners.bySlot[i] as number] as number;
  const keyWords = keyScratch.uint32(slotRows.length * WORD_LIMBS);
  rows.readSlotKeys(slotRows, keyWords);
  const keys = bytesOf(keyWords);
  keys.set(newSlotKeys, keys.length - newSlotKeys.length);
  const slotPositions = inverse(orderKeys(keys, WORD_BYTES, slotRows.length, groups, accountCount));
  return { accountPositions, slotPositions };
}
