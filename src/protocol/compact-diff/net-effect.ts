import { StrobeError } from '../../util/errors.ts';
import { ROW_BALANCE, ROW_DELETED, ROW_NONCE, type RowDiff, type StateRows } from '../row-diff.ts';
import { equalWords, limbsOf, WORD_BYTES, WORD_LIMBS } from './words.ts';

/**
 * What returned to its old value is absent from a diff (PROTOCOL section 3): checks a canonical one that came from
 * outside. Code hashes are not among the rows, so they are not looked at.
 * @throws StrobeError INVALID_STATE_DIFF
 */
export function assertNetEffect(diff: RowDiff, rows: StateRows): void {
  const { accountBase, slotBase } = diff;
  const beforeBytes = new Uint8Array(WORD_BYTES);
  const before = limbsOf(beforeBytes);
  const balances = limbsOf(diff.balances);
  for (let i = 0; i < diff.accountRows.length; i++) {
    const row = diff.accountRows[i] as number;
    const flags = diff.accountFlags[i] as number;
    const known = row < accountBase;
    if (!known && (flags & ROW_DELETED) !== 0) throw unchanged('an account that never was is deleted');
    if ((flags & ROW_NONCE) !== 0 && diff.nonces[i] === (known ? rows.nonceOf(row) : 0n))
      throw unchanged('a nonce did not change');
    if ((flags & ROW_BALANCE) === 0) continue;
    if (known) rows.readBalance(row, beforeBytes, 0);
    else before.fill(0);
    if (equalWords(balances, i * WORD_LIMBS, before, 0)) throw unchanged('a balance did not change');
  }
  const slotValues = limbsOf(diff.slotValues);
  for (let i = 0; i < diff.slotRows.length; i++) {
    const row = diff.slotRows[i] as number;
    if (row < slotBase) rows.readSlotValue(row, beforeBytes, 0);
    else before.fill(0);
    if (equalWords(slotValues, i * WORD_LIMBS, before, 0)) throw unchanged('a slot did not change');
  }
}

function unchanged(message: string): StrobeError<'INVALID_STATE_DIFF'> {
  return new StrobeError('INVALID_STATE_DIFF', message);
}
