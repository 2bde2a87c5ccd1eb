import type { Bytes } from '../../util/bytes.ts';
import type { RowDiff } from '../row-diff.ts';
import { type ByteReader, invalidCompactDiff } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { WORD_BYTES } from './words.ts';

/**
 * Keys of one account ascend, so each is sent as what it adds to the one before: the small numbers of plain variables
 * and the neighbours in arrays and structs take a byte or two, the hashes of mappings their 32.
 */
export function writeNewSlotKeys(diff: Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys'>, out: ByteWriter): void {
  const { newSlotAccounts, newSlotKeys } = diff;
  const lengths = new Uint8Array(newSlotAccounts.length);
  const differences = new ByteWriter(newSlotKeys.length);
  const difference = new Uint8Array(WORD_BYTES);
  let previousAccount = 0;
  for (let i = 0; i < newSlotAccounts.length; i++) {
    const account = newSlotAccounts[i] as number;
    out.writeVarint(account - previousAccount);
    const at = i * WORD_BYTES;
    if (i > 0 && account === previousAccount) subtract(newSlotKeys, at, at - WORD_BYTES, difference);
    else difference.set(newSlotKeys.subarray(at, at + WORD_BYTES));
    let start = 0;
    while (start < WORD_BYTES && difference[start] === 0) start++;
    lengths[i] = WORD_BYTES - start;
    differences.writeBytes(difference.subarray(start));
    previousAccount = account;
  }
  out.writeBytes(lengths);
  out.writeBytes(differences.view());
}

/** target = the key at `at` minus that at `before`, both big-endian. */
function subtract(keys: Bytes, at: number, before: number, target: Bytes): void {
  let borrow = 0;
  for (let i = WORD_BYTES - 1; i >= 0; i--) {
    const difference = (keys[at + i] as number) - (keys[before + i] as number) - borrow;
    target[i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
}

/** Inverse of {@link writeNewSlotKeys}: `count` slots of accounts below `accountLimit`, each key once. */
export function readNewSlotKeys(
  reader: ByteReader,
  count: number,
  accountLimit: number,
): Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys'> {
  const newSlotAccounts = new Uint32Array(count);
  const newSlotKeys = new Uint8Array(count * WORD_BYTES);
  let account = 0;
  for (let i = 0; i < count; i++) {
    account += reader.readVarint();
    if (account >= accountLimit) throw invalidCompactDiff('a new slot belongs to an account that has no row');
    newSlotAccounts[i] = account;
  }
  const lengths = reader.readBytes(count);
  for (let i = 0; i < count; i++) {
    const length = lengths[i] as number;
    if (length > WORD_BYTES) throw invalidCompactDiff('a slot key is too long');
    const difference = reader.readBytes(length);
    if (difference[0] === 0) throw invalidCompactDiff('a slot key is longer than it needs to be');
    const at = i * WORD_BYTES;
    newSlotKeys.set(difference, at + WORD_BYTES - length);
    if (i > 0 && newSlotAccounts[i] === newSlotAccounts[i - 1]) {
      if (length === 0) throw invalidCompactDiff('a new slot is listed twice');
      addPrevious(newSlotKeys, at);
    }
  }
  return { newSlotAccounts, newSlotKeys };
}

/** Adds the key before to the one at `at`. */
function addPrevious(keys: Bytes, at: number): void {
  let carry = 0;
  for (let i = at + WORD_BYTES - 1; i >= at; i--) {
    const sum = (keys[i] as number) + (keys[i - WORD_BYTES] as number) + carry;
    keys[i] = sum;
    carry = sum >> 8;
  }
  if (carry !== 0) throw invalidCompactDiff('a slot key is out of range');
}
