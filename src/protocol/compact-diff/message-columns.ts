import { ROW_BALANCE, type RowDiff, type StateRows } from '../row-diff.ts';
import type { AccountColumns } from './account-reader.ts';
import type { ByteReader } from './byte-reader.ts';
import type { CanonicalOrder } from './canonical-order.ts';
import type { DiffHeader } from './diff-header.ts';
import { Scratch } from './scratch.ts';
import { accountRowAt, type SlotOwners } from './slot-owners.ts';
import { ValueReader } from './value-reader.ts';
import { limbsOf, WORD_BYTES, WORD_LIMBS } from './words.ts';

const beforeScratch = new Scratch();

/** Accounts and slots of a message in the order of rows, before their values. */
export interface MessageKeys {
  readonly header: DiffHeader;
  readonly accounts: AccountColumns;
  readonly owners: SlotOwners;
  readonly slotRows: Uint32Array;
  readonly order: CanonicalOrder;
}

/** The accounts in canonical order; balances are zero as yet. */
export function accountColumns({
  accounts,
  owners,
  order: { accountPositions },
}: MessageKeys): Pick<RowDiff, 'accountRows' | 'accountFlags' | 'nonces' | 'balances' | 'codeHashes'> {
  const count = accountPositions.length;
  const accountRows = new Uint32Array(count);
  const accountFlags = new Uint8Array(count);
  const nonces = new BigUint64Array(count);
  const codeHashes = new Uint8Array(count * WORD_BYTES);
  for (let i = 0; i < count; i++) {
    const position = accountPositions[i] as number;
    accountRows[position] = accountRowAt(accounts, owners, i);
    if (i >= accounts.rows.length) continue;
    accountFlags[position] = accounts.flags[i] as number;
    nonces[position] = accounts.nonces[i] as bigint;
  }
  for (const [i, codeHash] of accounts.codeHashes) codeHashes.set(codeHash, (accountPositions[i] as number) * WORD_BYTES);
  return { accountRows, accountFlags, nonces, balances: new Uint8Array(count * WORD_BYTES), codeHashes };
}

/** The slots in canonical order; values are zero as yet. */
export function slotColumns({ slotRows: rows, order: { slotPositions } }: MessageKeys): Pick<RowDiff, 'slotRows' | 'slotValues'> {
  const slotRows = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) slotRows[slotPositions[i] as number] = rows[i] as number;
  return { slotRows, slotValues: new Uint8Array(rows.length * WORD_BYTES) };
}

/** Reads the values into the columns; false when one of them is what it was before. */
export function readValues(
  reader: ByteReader,
  { header, accounts, slotRows, order }: MessageKeys,
  columns: Pick<RowDiff, 'balances' | 'slotValues'>,
  rows: StateRows,
): boolean {
  let changedBalances = 0;
  for (const flags of accounts.flags) if ((flags & ROW_BALANCE) !== 0) changedBalances++;
  const values = new ValueReader(reader.readBytes(changedBalances + slotRows.length), reader);
  const balances = limbsOf(columns.balances);
  const balancesBefore = beforeScratch.uint32(accounts.rows.length * WORD_LIMBS).fill(0, header.accounts * WORD_LIMBS);
  rows.readBalances(accounts.rows, balancesBefore);
  for (let i = 0; i < accounts.rows.length; i++) {
    if (((accounts.flags[i] as number) & ROW_BALANCE) === 0) continue;
    values.read(balances, (order.accountPositions[i] as number) * WORD_LIMBS, balancesBefore, i * WORD_LIMBS);
  }
  const slotValues = limbsOf(columns.slotValues);
  const valuesBefore = beforeScratch.uint32(slotRows.length * WORD_LIMBS).fill(0, header.slots * WORD_LIMBS);
  rows.readSlotValues(slotRows, valuesBefore);
  for (let i = 0; i < slotRows.length; i++) {
    values.read(slotValues, (order.slotPositions[i] as number) * WORD_LIMBS, valuesBefore, i * WORD_LIMBS);
  }
  return !values.unchanged;
}
