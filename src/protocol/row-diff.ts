import type { Bytes } from '../util/bytes.ts';
import type { StateDiff } from './state-diff.ts';

/** What changed in an account of a {@link RowDiff}; the numbers are those of the canonical form (PROTOCOL section 3). */
export const ROW_NONCE = 1;
export const ROW_BALANCE = 2;
export const ROW_CODE = 4;
export const ROW_DELETED = 8;

/**
 * A state diff in columns, by row numbers of the state it is applied to: what the compact form decodes to and what the
 * table applies, without an object per key. It says the same as one canonical diff.
 *
 * Words are 32 bytes, little-endian.
 */
export interface RowDiff {
  /** Rows of the state when the diff is applied: new rows take the numbers from here on. */
  readonly accountBase: number;
  readonly slotBase: number;
  /** Accounts that get a row, 20 bytes each, ascending. */
  readonly newAddresses: Bytes;
  /** Slots that get a row: the account row of each, ascending, and their keys, 32 bytes each, ascending per account. */
  readonly newSlotAccounts: Uint32Array;
  readonly newSlotKeys: Bytes;
  /** Rows of every account that the canonical diff lists, in its order (by address). */
  readonly accountRows: Uint32Array;
  /** ROW_ flags by account; 0: only slots changed. */
  readonly accountFlags: Uint8Array;
  /** New nonces by account, where flagged. */
  readonly nonces: BigUint64Array;
  /** New balances by account, one word each, where flagged. */
  readonly balances: Bytes;
  /** New code hashes by account, 32 bytes each as they are, where flagged. */
  readonly codeHashes: Bytes;
  /** Rows of the slots that changed, in the canonical order (by address, then key). */
  readonly slotRows: Uint32Array;
  /** New values, one word each; zero clears. */
  readonly slotValues: Bytes;
  /** Codes new to the chain, by hash. */
  readonly codes: readonly Bytes[];
}

export function isRowDiff(diff: RowDiff | StateDiff): diff is RowDiff {
  return 'accountRows' in diff;
}

/**
 * Reads of committed state by row (PROTOCOL section 4: accounts and slots in the order of their first commit). Row
 * numbers are below the counts; -1 stands for "no row".
 */
export interface StateRows {
  readonly accountCount: number;
  readonly slotCount: number;
  accountRow(address: Bytes): number;
  slotRow(accountRow: number, key: Bytes): number;
  /** Rows of the first `count` addresses, 20 bytes each, to `target`: far quicker than one by one when there are many. */
  accountRows(addresses: Bytes, count: number, target: Int32Array): void;
  /** Rows of the first `count` slots, of these accounts and with these keys, 32 bytes each, to `target`. */
  slotRows(accountRows: Uint32Array, keys: Bytes, count: number, target: Int32Array): void;
  // The next six copy one field of many rows, in the order given, as the bytes lie in (little-endian) memory: 5 words an
  // address, 8 a balance, key or value. For rows that there are not yet the target stays as it is.
  readAddresses(accountRows: Uint32Array, target: Uint32Array): void;
  readNonces(accountRows: Uint32Array, target: BigUint64Array): void;
  readBalances(accountRows: Uint32Array, target: Uint32Array): void;
  readSlotAccounts(slotRows: Uint32Array, target: Uint32Array): void;
  readSlotKeys(slotRows: Uint32Array, target: Uint32Array): void;
  readSlotValues(slotRows: Uint32Array, target: Uint32Array): void;
  /** Copies the 20 bytes of the address. */
  readAddress(accountRow: number, target: Bytes, offset: number): void;
  /** 0 for an account that does not exist (any more), as its balance is. */
  nonceOf(accountRow: number): bigint;
  /** Copies the balance as a word. */
  readBalance(accountRow: number, target: Bytes, offset: number): void;
  slotAccount(slotRow: number): number;
  /** Copies the 32 bytes of the key. */
  readSlotKey(slotRow: number, target: Bytes, offset: number): void;
  /** Copies the value as a word; zero when it is clear. */
  readSlotValue(slotRow: number, target: Bytes, offset: number): void;
}
