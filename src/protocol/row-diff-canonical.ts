import type { Bytes } from '../util/bytes.ts';
import { RowKeys } from './compact-diff/row-keys.ts';
import { ROW_BALANCE, ROW_CODE, ROW_NONCE, type RowDiff, type StateRows } from './row-diff.ts';

const WORD_BYTES = 32;
const ADDRESS_BYTES = 20;

/** Flag of an account with slots in the canonical form; the others are the ROW_ flags. */
const FLAG_SLOTS = 32;

/** Most bytes of an account without its slots: list 4, address 21, flags 1, nonce 9, balance and code hash 33 each, slot list 4. */
const MAX_ACCOUNT_BYTES = 105;
/** List 2, key and value 33 each. */
const MAX_SLOT_BYTES = 68;
/** Most bytes in front of a list or string. */
const MAX_PREFIX_BYTES = 5;

/**
 * The canonical bytes (PROTOCOL section 3) straight from the columns, the same as `encodeStateDiff` of the same diff.
 * `rows` may be the state before or after the diff was applied. The result is a view of a larger array.
 */
export function canonicalBytes(diff: RowDiff, rows: StateRows): Bytes {
  const codeBytes = diff.codes.reduce((sum, code) => sum + code.length + MAX_PREFIX_BYTES, 3 * MAX_PREFIX_BYTES);
  const capacity = codeBytes + diff.accountRows.length * MAX_ACCOUNT_BYTES + diff.slotRows.length * MAX_SLOT_BYTES;
  const writer = new BackwardWriter(capacity);
  for (let i = diff.codes.length - 1; i >= 0; i--) writer.writeString(diff.codes[i] as Bytes);
  writer.writeListPrefix(writer.length);
  const codesLength = writer.length;
  const keys = new RowKeys(diff, rows);
  let slotEnd = diff.slotRows.length;
  for (let i = diff.accountRows.length - 1; i >= 0; i--) slotEnd = writeAccount(diff, keys, i, slotEnd, writer);
  writer.writeListPrefix(writer.length - codesLength);
  writer.writeListPrefix(writer.length);
  return writer.view();
}

/** Writes an account whose slots end before position `slotEnd`; returns where they begin. */
function writeAccount(diff: RowDiff, keys: RowKeys, index: number, slotEnd: number, writer: BackwardWriter): number {
  const end = writer.length;
  const row = diff.accountRows[index] as number;
  let flags = diff.accountFlags[index] as number;
  let slot = slotEnd;
  while (slot > 0 && keys.slotAccount(diff.slotRows[slot - 1] as number) === row) {
    slot--;
    writer.writeSlot(keys, diff.slotRows[slot] as number, diff.slotValues, slot * WORD_BYTES);
  }
  if (slot < slotEnd) {
    writer.writeListPrefix(writer.length - end);
    flags |= FLAG_SLOTS;
  }
  if ((flags & ROW_CODE) !== 0) writer.writeHash(diff.codeHashes, index * WORD_BYTES);
  if ((flags & ROW_BALANCE) !== 0) writer.writeWord(diff.balances, index * WORD_BYTES);
  if ((flags & ROW_NONCE) !== 0) writer.writeNumber(diff.nonces[index] as bigint);
  writer.writeFlags(flags);
  writer.writeAddress(keys, row);
  writer.writeListPrefix(writer.length - end);
  return slot;
}

/** Writes RLP from the end, so that the length of a list is known when its head is written. */
class BackwardWriter {
  readonly #bytes: Bytes;
  /** First byte written. */
  #start: number;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#start = capacity;
  }

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  view(): Bytes {
    return this.#bytes.subarray(this.#start);
  }

  writeString(bytes: Bytes): void {
    this.#start -= bytes.length;
    this.#bytes.set(bytes, this.#start);
    if (bytes.length !== 1 || (bytes[0] as number) >= 0x80) this.#writePrefix(bytes.length, 0x80);
  }

  writeListPrefix(length: number): void {
    this.#writePrefix(length, 0xc0);
  }

  /** The 32 bytes of `column` at `at`. */
  writeHash(column: Bytes, at: number): void {
    this.#start -= WORD_BYTES;
    for (let i = 0; i < WORD_BYTES; i++) this.#bytes[this.#start + i] = column[at + i] as number;
    this.#writePrefix(WORD_BYTES, 0x80);
  }

  /** A little-endian word as a number without leading zeros. */
  writeWord(column: Bytes, at: number): void {
    let length = WORD_BYTES;
    while (length > 0 && column[at + length - 1] === 0) length--;
    let target = this.#start;
    for (let i = 0; i < length; i++) this.#bytes[--target] = column[at + i] as number;
    this.#start = target;
    if (length !== 1 || (column[at] as number) >= 0x80) this.#writePrefix(length, 0x80);
  }

  writeNumber(value: bigint): void {
    const end = this.length;
    let rest = value;
    for (; rest >= 0x1_0000_0000n; rest >>= 8n) this.#bytes[--this.#start] = Number(rest & 0xffn);
    for (let low = Number(rest); low > 0; low >>>= 8) this.#bytes[--this.#start] = low;
    if (this.length !== end + 1 || value >= 0x80n) this.#writePrefix(this.length - end, 0x80);
  }

  writeFlags(flags: number): void {
    this.#bytes[--this.#start] = flags;
  }

  writeAddress(keys: RowKeys, row: number): void {
    this.#start -= ADDRESS_BYTES;
    keys.readAddress(row, this.#bytes, this.#start);
    this.#writePrefix(ADDRESS_BYTES, 0x80);
  }

  /** `[key, value]` */
  writeSlot(keys: RowKeys, row: number, values: Bytes, at: number): void {
    const end = this.length;
    this.writeWord(values, at);
    this.#start -= WORD_BYTES;
    keys.readSlotKey(row, this.#bytes, this.#start);
    this.#writePrefix(WORD_BYTES, 0x80);
    this.writeListPrefix(this.length - end);
  }

  #writePrefix(length: number, base: number): void {
    if (length <= 55) {
      this.#bytes[--this.#start] = base + length;
      return;
    }
    let count = 0;
    for (let rest = length; rest > 0; rest >>>= 8, count++) this.#bytes[--this.#start] = rest;
    this.#bytes[--this.#start] = base + 55 + count;
  }
}
