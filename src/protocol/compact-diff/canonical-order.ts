import type { AccountColumns } from './account-reader.ts';
import { orderKeys } from './key-order.ts';
import type { RowKeys } from './row-keys.ts';
import { Scratch } from './scratch.ts';
import { accountRowAt, type SlotOwners } from './slot-owners.ts';
import { WORD_BYTES } from './words.ts';

const ADDRESS_BYTES = 20;

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
  keys: RowKeys,
): CanonicalOrder {
  const accountCount = accounts.rows.length + owners.unlisted.length;
  const addresses = keyScratch.bytes(accountCount * ADDRESS_BYTES);
  for (let i = 0; i < accountCount; i++) keys.readAddress(accountRowAt(accounts, owners, i), addresses, i * ADDRESS_BYTES);
  const accountPositions = inverse(orderKeys(addresses, ADDRESS_BYTES, accountCount));
  const groups = groupScratch.uint32(slotRows.length);
  const slotKeys = keyScratch.bytes(slotRows.length * WORD_BYTES);
  for (let i = 0; i < slotRows.length; i++) {
    groups[i] = accountPositions[owners.bySlot[i] as number] as number;
    keys.readSlotKey(slotRows[i] as number, slotKeys, i * WORD_BYTES);
  }
  const slotPositions = inverse(orderKeys(slotKeys, WORD_BYTES, slotRows.length, groups, accountCount));
  return { accountPositions, slotPositions };
}

function inverse(order: Uint32Array): Uint32Array {
  const positions = new Uint32Array(order.length);
  for (let position = 0; position < order.length; position++) positions[order[position] as number] = position;
  return positions;
}
