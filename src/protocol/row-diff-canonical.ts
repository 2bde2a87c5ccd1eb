import type { Bytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { type DiffKeys, keysOf } from './compact-diff/row-keys.ts';
import { Scratch } from './compact-diff/scratch.ts';
import { limbsOf, usedBytes, WORD_LIMBS } from './compact-diff/words.ts';
import type { Hash } from './primitives.ts';
import { ROW_BALANCE, ROW_CODE, ROW_NONCE, type RowDiff, type StateRows } from './row-diff.ts';

const ADDRESS_LIMBS = 5;

/** Flag of an account with slots in the canonical form; the others are the ROW_ flags. */
const FLAG_SLOTS = 32;

/** Most bytes of an account without its slots: list 4, address 21, flags 1, nonce 9, balance and code hash 33 each, slot list 4. */
const MAX_ACCOUNT_BYTES = 105;
/** List 2, key and value 33 each. */
const MAX_SLOT_BYTES = 68;
/** Most bytes in front of a list or string. */
const MAX_PREFIX_BYTES = 5;

const digestScratch = new Scratch();

/**
 * The canonical bytes (PROTOCOL section 3) straight from the columns, the same as `encodeStateDiff` of the same diff.
 * `rows` may be the state before or after the diff was applied. The result is a view of a larger array.
 */
export function canonicalBytes(diff: RowDiff, rows: StateRows): Bytes {
  return writeBackward(diff, rows, new Uint8Array(capacityFor(diff)));
}

/** The hash of the canonical bytes, which are kept no longer than it takes. */
export function canonicalDigest(diff: RowDiff, rows: StateRows): Hash {
  return keccak256(writeBackward(diff, rows, digestScratch.bytes(capacityFor(diff))));
}

function capacityFor({ codes, accountRows, slotRows }: RowDiff): number {
  const codeBytes = codes.reduce((sum, code) => sum + code.length + MAX_PREFIX_BYTES, 3 * MAX_PREFIX_BYTES);
  return codeBytes + accountRows.length * MAX_ACCOUNT_BYTES + slotRows.length * MAX_SLOT_BYTES;
}

/** The end of `target`. */
function writeBackward(diff: RowDiff, rows: StateRows, target: Bytes): Bytes {
  const writer = new BackwardWriter(target);
  for (let i = diff.codes.length - 1; i >= 0; i--) writer.writeString(diff.codes[i] as Bytes);
  writer.writeListPrefix(writer.length);
  const codesLength = writer.length;
  const columns: Columns = {
    ...keysOf(diff, rows),
    balances: limbsOf(diff.balances),
    codeHashes: limbsOf(diff.codeHashes),
    slotValues: limbsOf(diff.slotValues),
  };
  let slotEnd = diff.slotRows.length;
  for (let i = diff.accountRows.length - 1; i >= 0; i--) slotEnd = writeAccount(diff, columns, i, slotEnd, writer);
  writer.writeListPrefix(writer.length - codesLength);
  writer.writeListPrefix(writer.length);
  return writer.view();
}

/** What is written, as words. */
interface Columns extends DiffKeys {
  readonly balances: Uint32Array;
  readonly codeHashes: Uint32Array;
  readonly slotValues: Uint32Array;
}

/** Writes an account whose slots end before position `slotEnd`; returns where they begin. */
function writeAccount(diff: RowDiff, columns: Columns, index: number, slotEnd: number, writer: BackwardWriter): number {
  const { addresses, slotAccounts, slotKeys, balances, codeHashes, slotValues } = columns;
  const end = writer.length;
  const row = diff.accountRows[index] as number;
  let flags = diff.accountFlags[index] as number;
  let slot = slotEnd;
  while (slot > 0 && slotAccounts[slot - 1] === row) {
    slot--;
    writer.writeSlot(slotKeys, slotValues, slot * WORD_LIMBS);
  }
  if (slot < slotEnd) {
    writer.writeListPrefix(writer.length - end);
    flags |= FLAG_SLOTS;
  }
  if ((flags & ROW_CODE) !== 0) writer.writeLimbs(codeHashes, index * WORD_LIMBS, WORD_LIMBS);
  if ((flags & ROW_BALANCE) !== 0) writer.writeWord(balances, index * WORD_LIMBS);
  if ((flags & ROW_NONCE) !== 0) writer.writeNumber(diff.nonces[index] as bigint);
  writer.writeFlags(flags);
  writer.writeLimbs(addresses, index * ADDRESS_LIMBS, ADDRESS_LIMBS);
  writer.writeListPrefix(writer.length - end);
  return slot;
}

/** Writes RLP from the end, so that the length of a list is known when its head is written. */
class BackwardWriter {
  readonly #bytes: Bytes;
  readonly #data: DataView;
  /** First byte written. */
  #start: number;

  constructor(target: Bytes) {
    this.#bytes = target;
    this.#data = new DataView(target.buffer, target.byteOffset, target.length);
    this.#start = target.length;
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

  /** A string of 4 to 52 bytes that lie in memory as these words. */
  writeLimbs(limbs: Uint32Array, at: number, count: number): void {
    this.#start -= count * 4;
    for (let i = 0; i < count; i++) this.#data.setUint32(this.#start + i * 4, limbs[at + i] as number, true);
    this.#writePrefix(count * 4, 0x80);
  }

  /** A little-endian word as a number without leading zeros. */
  writeWord(limbs: Uint32Array, at: number): void {
    const length = usedBytes(limbs, at);
    // Zeros that this puts in front of the number are overwritten by what comes there.
    for (let i = 0, to = this.#start - 4; i * 4 < length; i++, to -= 4) this.#data.setUint32(to, limbs[at + i] as number);
    this.#start -= length;
    if (length !== 1 || (limbs[at] as number) >= 0x80) this.#writePrefix(length, 0x80);
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

  /** `[key, value]`; both begin at `at` in their columns. */
  writeSlot(keys: Uint32Array, values: Uint32Array, at: number): void {
    const end = this.length;
    this.writeWord(values, at);
    this.writeLimbs(keys, at, WORD_LIMBS);
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
