import type { Account, Address, Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { HashIndex, type IndexedKeys, MAX_STAGED_KEYS } from './hash-index.ts';
import {
  ACCOUNT_BODY,
  ACCOUNT_BODY_WORDS,
  ACCOUNT_FIRST_SLOT,
  ACCOUNT_LAYOUT,
  ACCOUNT_VERSION,
  ADDRESS_WORDS,
  BODY_BALANCE,
  BODY_CODE,
  BODY_FLAGS,
  BODY_NONCE,
  FLAG_EXISTS,
  WORD_WORDS,
} from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import { RowSegments } from './row-segments.ts';
import { type TableMemory, wordAt } from './table-memory.ts';

/** Hashes of codes by number. */
export interface CodeHashes {
  hashOf(code: number): Hash;
}

/**
 * Accounts in the order of their first commit. A body is the part of a row that changes, there or as a version keeps it
 * (layout.ts).
 */
export class AccountRows implements IndexedKeys {
  readonly keyWords = ADDRESS_WORDS;
  readonly staged: Int32Array = new Int32Array(ADDRESS_WORDS * MAX_STAGED_KEYS);
  readonly #memory: TableMemory;
  readonly #rows: RowSegments;
  readonly #index: HashIndex;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#rows = new RowSegments(memory, ACCOUNT_LAYOUT);
    this.#index = new HashIndex(memory, ACCOUNT_LAYOUT.index, this);
  }

  get count(): number {
    return this.#rows.count;
  }

  /** Address of a row. */
  at(row: number): number {
    return this.#rows.at(row);
  }

  bodyOf(row: number): number {
    return this.#rows.at(row) + ACCOUNT_BODY;
  }

  /** -1: the address has no row. */
  find(address: Bytes, offset = 0): number {
    this.#stage(address, offset);
    return this.#index.find(this.#index.hash());
  }

  /** Rows of `count` addresses one behind the other, -1 where there is none. */
  findAll(addresses: Bytes, count: number, rows: Int32Array): void {
    for (let from = 0; from < count; from += MAX_STAGED_KEYS) {
      const keys = Math.min(MAX_STAGED_KEYS, count - from);
      for (let i = 0; i < keys; i++) this.#stage(addresses, (from + i) * 20, i * ADDRESS_WORDS);
      this.#index.findAll(keys, rows, from);
    }
  }

  matches(row: number, at: number): boolean {
    const address = this.#rows.at(row);
    const { words } = this.#memory;
    const key = this.staged;
    return (
      words[address] === key[at] &&
      words[address + 1] === key[at + 1] &&
      words[address + 2] === key[at + 2] &&
      words[address + 3] === key[at + 3] &&
      words[address + 4] === key[at + 4]
    );
  }

  /** @throws StrobeError STATE_MEMORY_EXHAUSTED */
  reserve(extra: number, allocator: PageAllocator): void {
    this.#rows.reserve(extra, allocator);
    this.#index.reserve(this.count, extra, allocator);
  }

  /** Adds an account that does not exist under a new address; there is room for it. */
  add(address: Bytes, offset: number, allocator: PageAllocator): number {
    const row = this.count;
    const at = this.#rows.at(row);
    this.#stage(address, offset);
    this.#memory.writeBytes(at, ADDRESS_WORDS, address, offset);
    this.#memory.fill(at + ADDRESS_WORDS, ACCOUNT_BODY + ACCOUNT_BODY_WORDS - ADDRESS_WORDS);
    this.#index.insert(this.#index.hash(), row, allocator);
    this.#rows.count = row + 1;
    return row;
  }

  /** Forgets the rows from `count` on. */
  truncate(count: number): void {
    for (let row = this.count - 1; row >= count; row--) {
      const at = this.#rows.at(row);
      for (let i = 0; i < ADDRESS_WORDS; i++) this.staged[i] = this.#memory.get(at + i);
      this.#index.delete(this.#index.hash(), row);
      this.#rows.count = row;
    }
  }

  readAddress(row: number, target: Bytes, offset: number): void {
    this.#memory.readBytes(this.#rows.at(row), ADDRESS_WORDS, target, offset);
  }

  readAddresses(rows: Uint32Array, target: Uint32Array): void {
    this.#rows.readAll(rows, 0, ADDRESS_WORDS, target);
  }

  readNonces(rows: Uint32Array, target: BigUint64Array): void {
    this.#rows.readAll(rows, ACCOUNT_BODY + BODY_NONCE, 2, new Uint32Array(target.buffer, target.byteOffset, target.length * 2));
  }

  readBalances(rows: Uint32Array, target: Uint32Array): void {
    this.#rows.readAll(rows, ACCOUNT_BODY + BODY_BALANCE, WORD_WORDS, target);
  }

  addressOf(row: number): Address {
    const address = new Uint8Array(20);
    this.readAddress(row, address, 0);
    return address;
  }

  /** Newest slot of the account, -1 if it has none. */
  firstSlot(row: number): number {
    return this.#memory.get(this.#rows.at(row) + ACCOUNT_FIRST_SLOT) - 1;
  }

  setFirstSlot(row: number, slot: number): void {
    this.#memory.set(this.#rows.at(row) + ACCOUNT_FIRST_SLOT, slot + 1);
  }

  /** Address of the row's newest version and its serial. */
  versionOf(row: number): number {
    return this.#rows.at(row) + ACCOUNT_VERSION;
  }

  exists(body: number): boolean {
    return (this.#memory.get(body + BODY_FLAGS) & FLAG_EXISTS) !== 0;
  }

  setExists(body: number): void {
    this.#memory.set(body + BODY_FLAGS, FLAG_EXISTS);
  }

  /** Makes the account one that does not exist. */
  clear(body: number): void {
    this.#memory.fill(body, ACCOUNT_BODY_WORDS);
  }

  codeOf(body: number): number {
    return this.#memory.get(body + BODY_CODE);
  }

  setCode(body: number, code: number): void {
    this.#memory.set(body + BODY_CODE, code);
  }

  nonceOf(body: number): bigint {
    return this.#memory.getLong(body + BODY_NONCE);
  }

  setNonce(body: number, nonce: bigint): void {
    this.#memory.setLong(body + BODY_NONCE, nonce);
  }

  /** Copies the nonce, 8 bytes, little-endian. */
  readNonce(body: number, target: Bytes, offset: number): void {
    this.#memory.readBytes(body + BODY_NONCE, 2, target, offset);
  }

  writeNonce(body: number, source: Bytes, offset: number): void {
    this.#memory.writeBytes(body + BODY_NONCE, 2, source, offset);
  }

  hasZeroNonce(body: number): boolean {
    return this.#memory.isZero(body + BODY_NONCE, 2);
  }

  hasZeroBalance(body: number): boolean {
    return this.#memory.isZero(body + BODY_BALANCE, WORD_WORDS);
  }

  balanceOf(body: number): bigint {
    const at = body + BODY_BALANCE;
    const memory = this.#memory;
    const low = memory.getLong(at);
    // Ether fits into two limbs, and most balances into one; each step costs 20 ns.
    if (memory.isZero(at + 2, 6)) return low;
    const middle = (memory.getLong(at + 2) << 64n) | low;
    if (memory.isZero(at + 4, 4)) return middle;
    return (memory.getLong(at + 6) << 192n) | (memory.getLong(at + 4) << 128n) | middle;
  }

  readBalance(body: number, target: Bytes, offset: number): void {
    this.#memory.readBytes(body + BODY_BALANCE, WORD_WORDS, target, offset);
  }

  writeBalance(body: number, source: Bytes, offset: number): void {
    this.#memory.writeBytes(body + BODY_BALANCE, WORD_WORDS, source, offset);
  }

  /** Undefined: it does not exist. */
  read(body: number, codes: CodeHashes): Account | undefined {
    if (!this.exists(body)) return undefined;
    return { nonce: this.nonceOf(body), balance: this.balanceOf(body), codeHash: codes.hashOf(this.codeOf(body)) };
  }

  #stage(address: Bytes, offset: number, at = 0): void {
    const key = this.staged;
    for (let i = 0; i < ADDRESS_WORDS; i++) key[at + i] = wordAt(address, offset + i * 4);
  }
}
