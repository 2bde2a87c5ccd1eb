import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { DiffPosition } from '../diff-codec.ts';
import { MAX_DIFF_PAYLOAD_BYTES } from '../limits.ts';
import { packPayload } from '../payload.ts';
import type { RowDiff, StateRows } from '../row-diff.ts';
import { ROW_BALANCE } from '../row-diff.ts';
import { canonicalBytes } from '../row-diff-canonical.ts';
import { AccountWriter } from './account-writer.ts';
import { ByteWriter } from './byte-writer.ts';
import { MAX_COMPACT_CODES, MAX_COMPACT_KEYS, PARENT_DIGEST_BYTES, PAYLOAD_COMPACT } from './format.ts';
import { writeNewSlotKeys } from './new-slot-keys.ts';
import { postDigestOf } from './post-digest.ts';
import { orderRows } from './row-order.ts';
import { ValueWriter } from './value-writer.ts';
import { limbsOf, WORD_BYTES, WORD_LIMBS } from './words.ts';

const ADDRESS_BYTES = 20;

/** Room for a message's header, and bytes a key that are rarely exceeded, so that a writer seldom grows. */
const HEADER_BYTES = 64;
const BYTES_A_KEY = 8;

/** Fewest canonical bytes of an account and of a slot. */
const MIN_CANONICAL_ACCOUNT_BYTES = 23;
const MIN_CANONICAL_SLOT_BYTES = 35;

/**
 * The payload of a mini-block's diff for those who have the state below it; `rows` is that state, unchanged.
 * @throws StrobeError INVALID_STATE_DIFF when a value is the same as before, DIFF_TOO_LARGE
 */
export function encodeCompactDiff(diff: RowDiff, rows: StateRows, position: DiffPosition): Bytes {
  const payload = shortestPayload(diff, rows, position);
  if (payload.length > MAX_DIFF_PAYLOAD_BYTES) {
    throw new StrobeError('DIFF_TOO_LARGE', 'the state diff does not fit in a mini-block', { bytes: payload.length });
  }
  return payload;
}

function shortestPayload(diff: RowDiff, rows: StateRows, position: DiffPosition): Bytes {
  const accounts = diff.accountRows.length;
  const slots = diff.slotRows.length;
  if (accounts + slots > MAX_COMPACT_KEYS || diff.codes.length > MAX_COMPACT_CODES) {
    return packPayload(canonicalBytes(diff, rows));
  }
  const content = writeContent(diff, rows, position);
  const codeBytes = diff.codes.reduce((sum, code) => sum + code.length, 0);
  const canonicalAtLeast = accounts * MIN_CANONICAL_ACCOUNT_BYTES + slots * MIN_CANONICAL_SLOT_BYTES + codeBytes;
  // Only tiny diffs, and such of nothing but new keys, have to be looked at in both forms.
  if (content.length > canonicalAtLeast) {
    const canonical = canonicalBytes(diff, rows);
    if (canonical.length <= content.length) return packPayload(canonical);
  }
  // Packed as the canonical form is, under kinds of its own.
  const payload = packPayload(content);
  payload[0] = PAYLOAD_COMPACT + (payload[0] as number);
  return payload;
}

function writeContent(diff: RowDiff, rows: StateRows, position: DiffPosition): Bytes {
  const { accountBase, slotBase, codes } = diff;
  const out = new ByteWriter(HEADER_BYTES + (diff.accountRows.length + diff.slotRows.length) * BYTES_A_KEY);
  const accountOrder = orderRows(diff.accountRows);
  const slotOrder = orderRows(diff.slotRows);
  const listed = new AccountWriter(diff, rows);
  for (const index of accountOrder) listed.write(index);
  out.writeVarint(position.number);
  out.writeBytes(position.parentDigest.subarray(0, PARENT_DIGEST_BYTES));
  out.writeVarint(accountBase);
  out.writeVarint(slotBase);
  out.writeVarint(codes.length);
  out.writeVarint(diff.newAddresses.length / ADDRESS_BYTES);
  out.writeVarint(diff.newSlotAccounts.length);
  out.writeVarint(listed.count);
  out.writeVarint(diff.slotRows.length - diff.newSlotAccounts.length);
  for (const code of codes) {
    out.writeVarint(code.length);
    out.writeBytes(code);
  }
  out.writeBytes(diff.newAddresses);
  listed.finish(out);
  writeNewSlotKeys(diff, out);
  writeSlotRows(diff, slotOrder, out);
  writeValues(diff, rows, accountOrder, slotOrder).finish(out);
  out.writeBytes(postDigestOf(diff));
  return out.view();
}

function writeSlotRows(diff: RowDiff, order: Uint32Array, out: ByteWriter): void {
  let next = 0;
  for (const index of order) {
    const row = diff.slotRows[index] as number;
    if (row >= diff.slotBase) return;
    out.writeVarint(row - next);
    next = row + 1;
  }
}

function writeValues(diff: RowDiff, rows: StateRows, accountOrder: Uint32Array, slotOrder: Uint32Array): ValueWriter {
  const values = new ValueWriter(accountOrder.length + slotOrder.length);
  const beforeBytes = new Uint8Array(WORD_BYTES);
  const before = limbsOf(beforeBytes);
  const balances = limbsOf(diff.balances);
  for (const index of accountOrder) {
    if (((diff.accountFlags[index] as number) & ROW_BALANCE) === 0) continue;
    const row = diff.accountRows[index] as number;
    if (row < diff.accountBase) rows.readBalance(row, beforeBytes, 0);
    else before.fill(0);
    values.write(balances, index * WORD_LIMBS, before, 0);
  }
  const slotValues = limbsOf(diff.slotValues);
  for (const index of slotOrder) {
    const row = diff.slotRows[index] as number;
    if (row < diff.slotBase) rows.readSlotValue(row, beforeBytes, 0);
    else before.fill(0);
    values.write(slotValues, index * WORD_LIMBS, before, 0);
  }
  return values;
}
