import { type Bytes, bytesEqual, compareBytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { DiffPosition } from '../diff-codec.ts';
import type { RowDiff, StateRows } from '../row-diff.ts';
import { decodeStateDiff } from '../state-diff.ts';
import { readAccounts } from './account-reader.ts';
import { ByteReader, invalidCompactDiff } from './byte-reader.ts';
import { canonicalOrder } from './canonical-order.ts';
import { type DiffHeader, readCodes, readDiffHeader } from './diff-header.ts';
import { openDiffPayload } from './diff-payload.ts';
import { PARENT_DIGEST_BYTES } from './format.ts';
import { accountColumns, type MessageKeys, readValues, slotColumns } from './message-columns.ts';
import { assertNetEffect } from './net-effect.ts';
import { readNewSlotKeys } from './new-slot-keys.ts';
import { POST_DIGEST_BYTES, postDigestOf } from './post-digest.ts';
import { rowDiffOf } from './row-conversion.ts';
import { Scratch } from './scratch.ts';
import { findSlotOwners } from './slot-owners.ts';

const ADDRESS_BYTES = 20;

const rowScratch = new Scratch();

/**
 * Reads a payload of any kind against the state that it applies to, which stays as it is. Whether the accounts that it
 * builds on exist is left to the table.
 * @throws StrobeError COMPACT_DIFF_DIVERGED when it was made for another state than `rows`; INVALID_PAYLOAD,
 * INVALID_COMPACT_DIFF, INVALID_RLP, INVALID_STATE_DIFF when it is none for any
 */
export function decodeCompactDiff(payload: Bytes, rows: StateRows, position: DiffPosition): RowDiff {
  const { compact, content } = openDiffPayload(payload);
  if (compact) return readContent(new ByteReader(content), rows, position);
  const diff = rowDiffOf(decodeStateDiff(content), rows);
  assertNetEffect(diff, rows);
  return diff;
}

function readContent(reader: ByteReader, rows: StateRows, position: DiffPosition): RowDiff {
  const header = readDiffHeader(reader);
  assertSamePosition(header, rows, position);
  const codes = readCodes(reader, header.codes);
  const newAddresses = readNewAddresses(reader, header.newAccounts, rows);
  const accounts = readAccounts(reader, header, rows);
  const newSlots = readNewSlotKeys(reader, header.newSlots, header.accountBase + header.newAccounts);
  assertUnknownSlots(newSlots, rows);
  const { accountBase, slotBase } = header;
  const added = { accountBase, slotBase, newAddresses, ...newSlots };
  const slotRows = readSlotRows(reader, header);
  const owners = findSlotOwners(slotRows, newSlots.newSlotAccounts, accounts, rows);
  const order = canonicalOrder(accounts, owners, slotRows, added, rows);
  const keys: MessageKeys = { header, accounts, owners, slotRows, order };
  const diff: RowDiff = { ...added, ...accountColumns(keys), ...slotColumns(keys), codes };
  const netEffect = readValues(reader, keys, diff, rows);
  const postDigest = reader.readBytes(POST_DIGEST_BYTES);
  if (reader.remaining > 0) throw invalidCompactDiff('the message has bytes behind its end');
  if (!bytesEqual(postDigestOf(diff), postDigest)) throw diverged('values after the diff are others than the sender has');
  if (!netEffect) throw invalidCompactDiff('a value is the same as before');
  return diff;
}

function assertSamePosition(header: DiffHeader, rows: StateRows, position: DiffPosition): void {
  if (header.number !== position.number) throw diverged('the diff is of another mini-block', header.number);
  if (!bytesEqual(header.parentDigest, position.parentDigest.subarray(0, PARENT_DIGEST_BYTES))) {
    throw diverged('the diff follows another mini-block', header.number);
  }
  if (header.accountBase !== rows.accountCount || header.slotBase !== rows.slotCount) {
    throw diverged('the registry has another length than the sender’s', header.number);
  }
}

function diverged(message: string, number?: number): StrobeError<'COMPACT_DIFF_DIVERGED'> {
  return new StrobeError('COMPACT_DIFF_DIVERGED', message, { number });
}

/** A copy of the new addresses, ascending and none with a row. */
function readNewAddresses(reader: ByteReader, count: number, rows: StateRows): Bytes {
  const addresses = new Uint8Array(reader.readBytes(count * ADDRESS_BYTES));
  for (let at = ADDRESS_BYTES; at < addresses.length; at += ADDRESS_BYTES) {
    const previous = addresses.subarray(at - ADDRESS_BYTES, at);
    if (compareBytes(previous, addresses.subarray(at, at + ADDRESS_BYTES)) >= 0) {
      throw invalidCompactDiff('new accounts are not in ascending order');
    }
  }
  const found = rowScratch.int32(count);
  rows.accountRows(addresses, count, found);
  if (found.some((row) => row >= 0)) throw invalidCompactDiff('a new account has a row');
  return addresses;
}

function assertUnknownSlots(
  { newSlotAccounts, newSlotKeys }: Pick<RowDiff, 'newSlotAccounts' | 'newSlotKeys'>,
  rows: StateRows,
): void {
  const found = rowScratch.int32(newSlotAccounts.length);
  rows.slotRows(newSlotAccounts, newSlotKeys, newSlotAccounts.length, found);
  if (found.some((row) => row >= 0)) throw invalidCompactDiff('a new slot has a row');
}

/** Rows of the slots that changed, ascending, the new ones last. */
function readSlotRows(reader: ByteReader, { slots, newSlots, slotBase }: DiffHeader): Uint32Array {
  const slotRows = new Uint32Array(slots + newSlots);
  let next = 0;
  for (let i = 0; i < slots; i++) {
    const row = next + reader.readVarint();
    if (row >= slotBase) throw invalidCompactDiff('a slot has no row');
    slotRows[i] = row;
    next = row + 1;
  }
  for (let i = 0; i < newSlots; i++) slotRows[slots + i] = slotBase + i;
  return slotRows;
}
