import type { RowDiff, StateRows } from '../row-diff.ts';
import { Scratch } from './scratch.ts';
import { bytesOf, WORD_BYTES, WORD_LIMBS } from './words.ts';

const ADDRESS_BYTES = 20;
const ADDRESS_LIMBS = 5;

const addressScratch = new Scratch();
const ownerScratch = new Scratch();
const keyScratch = new Scratch();

/** Keys of the rows that a diff names, in its order, as words; working memory, valid until it is asked again. */
export interface DiffKeys {
  /** 5 words each. */
  readonly addresses: Uint32Array;
  /** Account rows. */
  readonly slotAccounts: Uint32Array;
  /** 8 words each. */
  readonly slotKeys: Uint32Array;
}

/** @param rows the state before or after the diff was applied */
export function keysOf(diff: RowDiff, rows: StateRows): DiffKeys {
  const { accountRows, accountBase, newAddresses, slotRows, slotBase, newSlotAccounts, newSlotKeys } = diff;
  const addresses = addressScratch.uint32(accountRows.length * ADDRESS_LIMBS);
  rows.readAddresses(accountRows, addresses);
  const addressBytes = bytesOf(addresses);
  for (let i = 0; i < accountRows.length; i++) {
    const added = (accountRows[i] as number) - accountBase;
    if (added < 0) continue;
    addressBytes.set(newAddresses.subarray(added * ADDRESS_BYTES, (added + 1) * ADDRESS_BYTES), i * ADDRESS_BYTES);
  }
  const slotAccounts = ownerScratch.uint32(slotRows.length);
  rows.readSlotAccounts(slotRows, slotAccounts);
  const slotKeys = keyScratch.uint32(slotRows.length * WORD_LIMBS);
  rows.readSlotKeys(slotRows, slotKeys);
  const keyBytes = bytesOf(slotKeys);
  for (let i = 0; i < slotRows.length; i++) {
    const added = (slotRows[i] as number) - slotBase;
    if (added < 0) continue;
    slotAccounts[i] = newSlotAccounts[added] as number;
    keyBytes.set(newSlotKeys.subarray(added * WORD_BYTES, (added + 1) * WORD_BYTES), i * WORD_BYTES);
  }
  return { addresses, slotAccounts, slotKeys };
}
