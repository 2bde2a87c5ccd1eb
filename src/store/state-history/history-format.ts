import { ByteReader } from '../../protocol/compact-diff/byte-reader.ts';
import { ByteWriter } from '../../protocol/compact-diff/byte-writer.ts';
import type { BlockChangeLists, BlockEnd, ChangeList, RowKind, StoredReach } from '../../protocol/ports/history.ts';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { NUMBER_BYTES, readNumber, writeNumber } from '../tables.ts';

/**
 * The database of old values, by the first byte of its keys. Rows are those of the state's registry (PROTOCOL section 4):
 * the same in every process that has this chain, and four bytes instead of an address and a key. Each change of a row has
 * an ordinal, its count of changes before, so that the value at the end of any block is found by exact reads alone:
 * LevelDB reads a key synchronously, and iterates only asynchronously.
 *
 * ```
 * 0                             -> format (1) ‖ oldest block (6) ‖ newest block (6)
 * 1 or 2 ‖ row (4)              -> changes so far (4) ‖ block of the newest one (6); accounts, slots
 * 3 or 4 ‖ row (4) ‖ ordinal (4) -> block (6) ‖ value from before it; accounts, slots
 * 5 ‖ block (6)                 -> last mini-block (6) ‖ its digest (32) ‖ rows: accounts, then slots
 * rows                             count ‖ for each the distance from the row before and the ordinal; all varints
 * ```
 *
 * State at the end of blocks from `oldest` to `newest` can be read; changes are those of the blocks above `oldest`.
 * Numbers are big-endian. History: 1, the first format.
 */
const FORMAT = 1;

const REACH = 0;
const HEADS: Readonly<Record<RowKind, number>> = { account: 1, slot: 2 };
const ENTRIES: Readonly<Record<RowKind, number>> = { account: 3, slot: 4 };
const BLOCKS = 5;

const DIGEST_BYTES = 32;
export const HEAD_KEY_BYTES = 5;
export const ENTRY_KEY_BYTES = 9;
export const HEAD_BYTES: number = 4 + NUMBER_BYTES;

export const REACH_KEY: Bytes = Uint8Array.of(REACH);

export function encodeReach({ oldest, newest }: StoredReach): Bytes {
  const value = new Uint8Array(1 + 2 * NUMBER_BYTES);
  value[0] = FORMAT;
  writeNumber(value, oldest, 1);
  writeNumber(value, newest, 1 + NUMBER_BYTES);
  return value;
}

/** @throws StrobeError VERSION_NOT_SUPPORTED */
export function decodeReach(value: Bytes): StoredReach {
  if (value[0] !== FORMAT) {
    throw new StrobeError(
      'VERSION_NOT_SUPPORTED',
      `the history of the state has format ${value[0]}, this program knows ${FORMAT}: remove its folder to begin anew`,
      { format: value[0] ?? -1, known: FORMAT },
    );
  }
  return { oldest: readNumber(value, 1), newest: readNumber(value, 1 + NUMBER_BYTES) };
}

export function writeHeadKey(key: Bytes, kind: RowKind, row: number): void {
  key[0] = HEADS[kind];
  writeUint32(key, 1, row);
}

export function writeEntryKey(key: Bytes, kind: RowKind, row: number, ordinal: number): void {
  key[0] = ENTRIES[kind];
  writeUint32(key, 1, row);
  writeUint32(key, HEAD_KEY_BYTES, ordinal);
}

export function writeHead(head: Bytes, count: number, lastBlock: number): void {
  writeUint32(head, 0, count);
  writeNumber(head, lastBlock, 4);
}

/** Changes that the row had so far, and the block of the newest. */
export function readHead(head: Bytes): { readonly count: number; readonly lastBlock: number } {
  return { count: readUint32(head, 0), lastBlock: readNumber(head, 4) };
}

export function blockOfEntry(entry: Bytes): number {
  return readNumber(entry);
}

export function valueOfEntry(entry: Bytes): Bytes {
  return entry.subarray(NUMBER_BYTES);
}

export function blockKey(blockNumber: number): Bytes {
  const key = new Uint8Array(1 + NUMBER_BYTES);
  key[0] = BLOCKS;
  writeNumber(key, blockNumber, 1);
  return key;
}

export interface BlockEntry extends BlockEnd {
  readonly changes: BlockChangeLists;
}

/** About what a change takes. */
const CHANGE_BYTES = 4;

export function encodeBlockEntry({ lastNumber, lastDigest, changes: { account, slot } }: BlockEntry): Bytes {
  const end = new Uint8Array(NUMBER_BYTES);
  writeNumber(end, lastNumber, 0);
  const writer = new ByteWriter(64 + (account.rows.length + slot.rows.length) * CHANGE_BYTES);
  writer.writeBytes(end);
  writer.writeBytes(lastDigest);
  for (const list of [account, slot]) writeList(writer, list);
  return writer.view();
}

export function decodeBlockEnd(blockNumber: number, value: Bytes): BlockEnd {
  const lastDigest = value.slice(NUMBER_BYTES, NUMBER_BYTES + DIGEST_BYTES);
  return { blockNumber, lastNumber: readNumber(value), lastDigest };
}

/** @throws StrobeError INVALID_COMPACT_DIFF when the bytes are damaged */
export function decodeBlockEntry(blockNumber: number, value: Bytes): BlockEntry {
  const reader = new ByteReader(value.subarray(NUMBER_BYTES + DIGEST_BYTES));
  return { ...decodeBlockEnd(blockNumber, value), changes: { account: readList(reader), slot: readList(reader) } };
}

function writeList(writer: ByteWriter, { rows, ordinals }: ChangeList): void {
  writer.writeVarint(rows.length);
  let previous = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    writer.writeVarint(row - previous);
    writer.writeVarint(ordinals[i] as number);
    previous = row;
  }
}

function readList(reader: ByteReader): ChangeList {
  const count = reader.readVarint();
  const rows = new Uint32Array(count);
  const ordinals = new Uint32Array(count);
  let previous = 0;
  for (let i = 0; i < count; i++) {
    previous += reader.readVarint();
    rows[i] = previous;
    ordinals[i] = reader.readVarint();
  }
  return { rows, ordinals };
}

function writeUint32(target: Bytes, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function readUint32(bytes: Bytes, at: number): number {
  const high = (bytes[at] as number) * 2 ** 24;
  return high + (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
}
