import { type Bytes, bytesToBigInt } from '../../util/bytes.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff, type StateRows } from '../row-diff.ts';
import type { AccountDiff, SlotDiff, StateDiff } from '../state-diff.ts';
import { countDiffKeys } from '../state-diff.ts';
import { RowKeys } from './row-keys.ts';
import { WORD_BYTES } from './words.ts';

const ADDRESS_BYTES = 20;
const LIMB64 = 64n;

/**
 * The columns of a canonical diff, for the state that it is applied to. Whether it can be applied is the table's
 * question, not asked here.
 */
export function rowDiffOf(diff: StateDiff, rows: StateRows): RowDiff {
  const { accounts } = diff;
  const accountBase = rows.accountCount;
  const accountRows = new Uint32Array(accounts.length);
  const newAddresses = new Uint8Array(accounts.length * ADDRESS_BYTES);
  let newAccounts = 0;
  for (let i = 0; i < accounts.length; i++) {
    const { address } = accounts[i] as AccountDiff;
    const row = rows.accountRow(address);
    if (row < 0) newAddresses.set(address, newAccounts * ADDRESS_BYTES);
    accountRows[i] = row < 0 ? accountBase + newAccounts++ : row;
  }
  return {
    accountBase,
    slotBase: rows.slotCount,
    newAddresses: newAddresses.subarray(0, newAccounts * ADDRESS_BYTES),
    accountRows,
    ...accountColumns(accounts),
    ...slotColumns(diff, accountRows, rows),
    codes: diff.codes,
  };
}

function accountColumns(accounts: readonly AccountDiff[]): Pick<RowDiff, 'accountFlags' | 'nonces' | 'balances' | 'codeHashes'> {
  const accountFlags = new Uint8Array(accounts.length);
  const nonces = new BigUint64Array(accounts.length);
  const balances = new BigUint64Array(accounts.length * 4);
  const codeHashes = new Uint8Array(accounts.length * WORD_BYTES);
  for (let i = 0; i < accounts.length; i++) {
    const account = accounts[i] as AccountDiff;
    let flags = account.deleted ? ROW_DELETED : 0;
    if (account.nonce !== undefined) {
      flags |= ROW_NONCE;
      nonces[i] = account.nonce;
    }
    if (account.balance !== undefined) {
      flags |= ROW_BALANCE;
      // A store keeps the lowest 64 bits.
      for (let rest = account.balance, at = i * 4; rest > 0n; rest >>= LIMB64) balances[at++] = rest;
    }
    if (account.codeHash !== undefined) {
      flags |= ROW_CODE;
      codeHashes.set(account.codeHash, i * WORD_BYTES);
    }
    accountFlags[i] = flags;
  }
  return { accountFlags, nonces, balances: new Uint8Array(balances.buffer), codeHashes };
}

type SlotColumns = Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys' | 'slotRows' | 'slotValues'>;

function slotColumns(diff: StateDiff, accountRows: Uint32Array, rows: StateRows): SlotColumns {
  const slotCount = countDiffKeys(diff) - diff.accounts.length;
  const slotRows = new Uint32Array(slotCount);
  const slotValues = new Uint8Array(slotCount * WORD_BYTES);
  const isNew = new Uint8Array(slotCount);
  const withNewSlots: NewSlots[] = [];
  let at = 0;
  for (let i = 0; i < diff.accounts.length; i++) {
    const slots = (diff.accounts[i] as AccountDiff).slots;
    if (slots === undefined) continue;
    const account = accountRows[i] as number;
    const known = account < rows.accountCount;
    const first = at;
    let count = 0;
    for (const slot of slots) {
      const row = known ? rows.slotRow(account, slot.key) : -1;
      if (row < 0) isNew[at] = 1;
      if (row < 0) count++;
      else slotRows[at] = row;
      writeLittleEndian(slot.value, slotValues, at * WORD_BYTES);
      at++;
    }
    if (count > 0) withNewSlots.push({ account, slots, first, count });
  }
  return { slotRows, slotValues, ...numberNewSlots(withNewSlots, isNew, slotRows, rows.slotCount) };
}

/** Slots of one account, some of them new; `first` is the position of the first in the diff. */
interface NewSlots {
  readonly account: number;
  readonly slots: readonly SlotDiff[];
  readonly first: number;
  readonly count: number;
}

/** New slots take the next rows by account row and key (PROTOCOL section 4); the diff lists them by address and key. */
function numberNewSlots(
  withNewSlots: NewSlots[],
  isNew: Bytes,
  slotRows: Uint32Array,
  slotBase: number,
): Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys'> {
  const total = withNewSlots.reduce((sum, { count }) => sum + count, 0);
  const newSlotAccounts = new Uint32Array(total);
  const newSlotKeys = new Uint8Array(total * WORD_BYTES);
  let next = 0;
  for (const { account, slots, first } of withNewSlots.sort((a, b) => a.account - b.account)) {
    for (let i = 0; i < slots.length; i++) {
      if (isNew[first + i] === 0) continue;
      slotRows[first + i] = slotBase + next;
      newSlotAccounts[next] = account;
      newSlotKeys.set((slots[i] as SlotDiff).key, next * WORD_BYTES);
      next++;
    }
  }
  return { newSlotAccounts, newSlotKeys };
}

function writeLittleEndian(value: Bytes, target: Bytes, at: number): void {
  for (let i = 0; i < WORD_BYTES; i++) target[at + i] = value[WORD_BYTES - 1 - i] as number;
}

/** The canonical diff of columns; `rows` may be the state before or after it was applied. */
export function stateDiffOf(diff: RowDiff, rows: StateRows): StateDiff {
  const keys = new RowKeys(diff, rows);
  const accounts: AccountDiff[] = [];
  let slot = 0;
  for (let i = 0; i < diff.accountRows.length; i++) {
    const row = diff.accountRows[i] as number;
    const address = new Uint8Array(ADDRESS_BYTES);
    keys.readAddress(row, address, 0);
    const slots: SlotDiff[] = [];
    while (slot < diff.slotRows.length && keys.slotAccount(diff.slotRows[slot] as number) === row) {
      const key = new Uint8Array(WORD_BYTES);
      keys.readSlotKey(diff.slotRows[slot] as number, key, 0);
      slots.push({ key, value: diff.slotValues.slice(slot * WORD_BYTES, (slot + 1) * WORD_BYTES).reverse() });
      slot++;
    }
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
