import { type Bytes, bytesToBigInt } from '../../util/bytes.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff, type StateRows } from '../row-diff.ts';
import type { AccountDiff, SlotDiff, StateDiff } from '../state-diff.ts';
import { countDiffKeys } from '../state-diff.ts';
import { keysOf } from './row-keys.ts';
import { Scratch } from './scratch.ts';
import { bytesOf, WORD_BYTES } from './words.ts';

const ADDRESS_BYTES = 20;
const LIMB64 = 64n;

const keyScratch = new Scratch();
const ownerScratch = new Scratch();
const rowScratch = new Scratch();

/**
 * The columns of a canonical diff, for the state that it is applied to. Whether it can be applied is the table's
 * question, not asked here.
 */
export function rowDiffOf(diff: StateDiff, rows: StateRows): RowDiff {
  const { accounts, codes } = diff;
  const numbered = numberAccounts(accounts, rows);
  return {
    accountBase: rows.accountCount,
    slotBase: rows.slotCount,
    ...numbered,
    ...accountColumns(accounts),
    ...slotColumns(diff, numbered.accountRows, rows),
    codes,
  };
}

function numberAccounts(accounts: readonly AccountDiff[], rows: StateRows): Pick<RowDiff, 'accountRows' | 'newAddresses'> {
  const count = accounts.length;
  const addresses = keyScratch.bytes(count * ADDRESS_BYTES);
  for (let i = 0; i < count; i++) addresses.set((accounts[i] as AccountDiff).address, i * ADDRESS_BYTES);
  const found = rowScratch.int32(count);
  rows.accountRows(addresses, count, found);
  const accountRows = new Uint32Array(found);
  let added = 0;
  for (let i = 0; i < count; i++) {
    if (found[i] !== -1) continue;
    accountRows[i] = rows.accountCount + added;
    // Moved together at the front.
    addresses.copyWithin(added * ADDRESS_BYTES, i * ADDRESS_BYTES, (i + 1) * ADDRESS_BYTES);
    added++;
  }
  return { accountRows, newAddresses: addresses.slice(0, added * ADDRESS_BYTES) };
}

function accountColumns(accounts: readonly AccountDiff[]): Pick<RowDiff, 'accountFlags' | 'nonces' | 'balances' | 'codeHashes'> {
  const accountFlags = new Uint8Array(accounts.length);
  const nonces = new BigUint64Array(accounts.length);
  const balances = new BigUint64Array(accounts.length * 4);
  const codeHashes = new Uint8Array(accounts.length * WORD_BYTES);
  for (let i = 0; i < accounts.length; i++) {
    const { deleted, nonce, balance, codeHash } = accounts[i] as AccountDiff;
    let flags = deleted ? ROW_DELETED : 0;
    if (nonce !== undefined) {
      flags |= ROW_NONCE;
      nonces[i] = nonce;
    }
    if (balance !== undefined) {
      flags |= ROW_BALANCE;
      // A store keeps the lowest 64 bits.
      for (let rest = balance, at = i * 4; rest > 0n; rest >>= LIMB64) balances[at++] = rest;
    }
    if (codeHash !== undefined) {
      flags |= ROW_CODE;
      codeHashes.set(codeHash, i * WORD_BYTES);
    }
    accountFlags[i] = flags;
  }
  return { accountFlags, nonces, balances: new Uint8Array(balances.buffer), codeHashes };
}

type SlotColumns = Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys' | 'slotRows' | 'slotValues'>;

function slotColumns(diff: StateDiff, accountRows: Uint32Array, rows: StateRows): SlotColumns {
  const count = countDiffKeys(diff) - diff.accounts.length;
  const owners = ownerScratch.uint32(count);
  const keys = keyScratch.bytes(count * WORD_BYTES);
  const slotValues = new Uint8Array(count * WORD_BYTES);
  let next = 0;
  for (let i = 0; i < diff.accounts.length; i++) {
    const slots = (diff.accounts[i] as AccountDiff).slots;
    if (slots === undefined) continue;
    for (const { key, value } of slots) {
      owners[next] = accountRows[i] as number;
      keys.set(key, next * WORD_BYTES);
      writeLittleEndian(value, slotValues, next * WORD_BYTES);
      next++;
    }
  }
  const found = rowScratch.int32(count);
  rows.slotRows(owners, keys, count, found);
  const slotRows = new Uint32Array(found);
  return { slotRows, slotValues, ...numberNewSlots(owners, keys, found, slotRows, rows.slotCount) };
}

/** New slots take the next rows by account row and key (PROTOCOL section 4); the diff lists them by address and key. */
function numberNewSlots(
  owners: Uint32Array,
  keys: Bytes,
  found: Int32Array,
  slotRows: Uint32Array,
  slotBase: number,
): Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys'> {
  const added: number[] = [];
  for (let i = 0; i < found.length; i++) if (found[i] === -1) added.push(i);
  // Stable: an account's slots are in the order of their keys.
  added.sort((a, b) => (owners[a] as number) - (owners[b] as number));
  const newSlotAccounts = new Uint32Array(added.length);
  const newSlotKeys = new Uint8Array(added.length * WORD_BYTES);
  for (let i = 0; i < added.length; i++) {
    const index = added[i] as number;
    slotRows[index] = slotBase + i;
    newSlotAccounts[i] = owners[index] as number;
    newSlotKeys.set(keys.subarray(index * WORD_BYTES, (index + 1) * WORD_BYTES), i * WORD_BYTES);
  }
  return { newSlotAccounts, newSlotKeys };
}

function writeLittleEndian(value: Bytes, target: Bytes, at: number): void {
  for (let i = 0; i < WORD_BYTES; i++) target[at + i] = value[WORD_BYTES - 1 - i] as number;
}

/**
 * The canonical diff of columns; `rows` may be the state before or after it was applied.
 * @param isWanted leaves out the accounts that it is false for
 */
export function stateDiffOf(diff: RowDiff, rows: StateRows, isWanted: (address: Bytes) => boolean = () => true): StateDiff {
  const keys = keysOf(diff, rows);
  const addresses = bytesOf(keys.addresses);
  const slotKeys = bytesOf(keys.slotKeys);
  const accounts: AccountDiff[] = [];
  let slot = 0;
  for (let i = 0; i < diff.accountRows.length; i++) {
    const address = addresses.slice(i * ADDRESS_BYTES, (i + 1) * ADDRESS_BYTES);
    const slots: SlotDiff[] = [];
    const wanted = isWanted(address);
    for (; slot < diff.slotRows.length && keys.slotAccounts[slot] === diff.accountRows[i]; slot++) {
      if (!wanted) continue;
      const word = slot * WORD_BYTES;
      const key = slotKeys.slice(word, word + WORD_BYTES);
      slots.push({ key, value: diff.slotValues.slice(word, word + WORD_BYTES).reverse() });
    }
    if (!wanted) continue;
    accounts.push({ address, ...changedFields(diff, i), ...(slots.length > 0 && { slots }) });
  }
  return { accounts, codes: diff.codes };
}

function changedFields(diff: RowDiff, index: number): Omit<AccountDiff, 'address' | 'slots'> {
  const flags = diff.accountFlags[index] as number;
  if ((flags & ROW_DELETED) !== 0) return { deleted: true };
  const word = index * WORD_BYTES;
  return {
    ...((flags & ROW_NONCE) !== 0 && { nonce: diff.nonces[index] as bigint }),
    ...((flags & ROW_BALANCE) !== 0 && { balance: bytesToBigInt(diff.balances.slice(word, word + WORD_BYTES).reverse()) }),
    ...((flags & ROW_CODE) !== 0 && { codeHash: diff.codeHashes.slice(word, word + WORD_BYTES) }),
  };
}
