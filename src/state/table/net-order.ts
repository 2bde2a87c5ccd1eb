import { inverse, orderKeys } from '../../protocol/compact-diff/key-order.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, type RowDiff } from '../../protocol/row-diff.ts';
import { createStateDiff } from '../../protocol/state-diff.ts';
import type { Bytes } from '../../util/bytes.ts';

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;

/** Accounts in any order, by index; words are little-endian. */
export interface NetAccountColumns {
  /** 0: nothing changed, the account is left out. */
  readonly isListed: Uint8Array;
  readonly addresses: Bytes;
  /** ROW_ flags. */
  readonly flags: Uint8Array;
  readonly nonces: BigUint64Array;
  readonly balances: Bytes;
  readonly codeHashes: Bytes;
  /** Index of the account of each slot. */
  readonly owners: Uint32Array;
}

/** Slots that changed, in any order; words are little-endian. */
export interface NetSlots {
  /** Account row of each. */
  readonly owners: Uint32Array;
  readonly keys: Bytes;
  readonly values: Bytes;
}

/** The listed accounts and the slots that are theirs, in canonical order. */
interface NetOrder {
  /** Position -> index. */
  readonly accounts: Uint32Array;
  readonly slots: Uint32Array;
}

/** Canonical columns whose rows are all new: they name the accounts and slots of the columns by index. */
export function rowDiffOfNet(accounts: NetAccountColumns, slots: NetSlots, codes: readonly Bytes[]): RowDiff {
  const order = canonicalOrderOf(accounts, slots);
  const count = order.accounts.length;
  const flags = new Uint8Array(count);
  const nonces = new BigUint64Array(count);
  const balances = new Uint8Array(count * WORD_BYTES);
  const codeHashes = new Uint8Array(count * WORD_BYTES);
  for (let position = 0; position < count; position++) {
    const index = order.accounts[position] as number;
    const flag = accounts.flags[index] as number;
    flags[position] = flag;
    nonces[position] = accounts.nonces[index] as bigint;
    if ((flag & ROW_BALANCE) !== 0) copyWord(accounts.balances, index, balances, position);
    if ((flag & ROW_CODE) !== 0) copyWord(accounts.codeHashes, index, codeHashes, position);
  }
  const slotValues = new Uint8Array(order.slots.length * WORD_BYTES);
  for (let position = 0; position < order.slots.length; position++) {
    copyWord(slots.values, order.slots[position] as number, slotValues, position);
  }
  return {
    accountBase: 0,
    slotBase: 0,
    newAddresses: accounts.addresses,
    newSlotAccounts: accounts.owners,
    newSlotKeys: slots.keys,
    accountRows: order.accounts,
    accountFlags: flags,
    nonces,
    balances,
    codeHashes,
    slotRows: order.slots,
    slotValues,
    codes: createStateDiff([], codes).codes,
  };
}

function canonicalOrderOf(accounts: NetAccountColumns, slots: NetSlots): NetOrder {
  const { isListed, flags, addresses, owners } = accounts;
  // Each order is scratch memory of the next one.
  const byAddress = orderKeys(addresses, ADDRESS_BYTES, isListed.length);
  const listed = byAddress.filter((index) => isListed[index] === 1);
  const positions = inverse(byAddress);
  const groups = owners.map((owner) => positions[owner] as number);
  const byKey = orderKeys(slots.keys, WORD_BYTES, owners.length, groups, positions.length);
  // With an account its slots are gone, and nothing says so of each.
  const slotOrder = byKey.filter((slot) => {
    const owner = owners[slot] as number;
    return isListed[owner] === 1 && ((flags[owner] as number) & ROW_DELETED) === 0;
  });
  return { accounts: listed, slots: slotOrder };
}

/** A loop: for so few bytes making views takes longer. */
function copyWord(source: Bytes, from: number, target: Bytes, to: number): void {
  for (let i = 0; i < WORD_BYTES; i++) target[to * WORD_BYTES + i] = source[from * WORD_BYTES + i] as number;
}
