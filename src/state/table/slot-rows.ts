import { type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { HashIndex, type IndexedKeys, MAX_STAGED_KEYS } from './hash-index.ts';
import { SLOT_ACCOUNT, SLOT_KEY, SLOT_LAYOUT, SLOT_NEXT, SLOT_VALUE, SLOT_VERSION, WORD_WORDS } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import { RowSegments } from './row-segments.ts';
import { type TableMemory, wordAt } from './table-memory.ts';

/** Account row and key. */
const KEY_WORDS = 1 + WORD_WORDS;

/** Slots in the order of their first commit. A body is the value, in the row or as a version keeps it (layout.ts). */
export class SlotRows implements IndexedKeys {
  readonly keyWords = KEY_WORDS;
  readonly staged: Int32Array = new Int32Array(KEY_WORDS * MAX_STAGED_KEYS);
  readonly #memory: TableMemory;
  readonly #rows: RowSegments;
  readonly #index: HashIndex;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#rows = new RowSegments(memory, SLOT_LAYOUT);
    this.#index = new HashIndex(memory, SLOT_LAYOUT.index, this);
  }

  get count(): number {
    return this.#rows.count;
  }

  /** Address of a row. */
  at(row: number): number {
    return this.#rows.at(row);
  }

  bodyOf(row: number): number {
    return this.#rows.at(row) + SLOT_VALUE;
  }

  /** -1: the key has no row. */
  find(accountRow: number, key: Bytes, offset = 0): number {
    this.#stage(accountRow, key, offset);
    return this.#index.find(this.#index.hash());
  }

  /** Rows of `count` slots, of these accounts and with these keys one behind the other; -1 where there is none. */
  findAll(accountRows: Uint32Array, keys: Bytes, count: number, rows: Int32Array): void {
    for (let from = 0; from < count; from += MAX_STAGED_KEYS) {
      const slots = Math.min(MAX_STAGED_KEYS, count - from);
      for (let i = 0; i < slots; i++) this.#stage(accountRows[from + i] as number, keys, (from + i) * 32, i * KEY_WORDS);
      this.#index.findAll(slots, rows, from);
    }
  }

  matches(row: number, at: number): boolean {
    const address = this.#rows.at(row);
    const { words } = this.#memory;
    const key = this.staged;
    if (words[address + SLOT_ACCOUNT] !== key[at]) return false;
    for (let i = 0; i < WORD_WORDS; i++) if (words[address + SLOT_KEY + i] !== key[at + 1 + i]) return false;
    return true;
  }

  /** @throws StrobeError STATE_MEMORY_EXHAUSTED */
  reserve(extra: number, allocator: PageAllocator): void {
    this.#rows.reserve(extra, allocator);
    this.#index.reserve(this.count, extra, allocator);
  }

  /** Adds a clear slot under a new key; `next` is the newest slot of its account, -1 for none. There is room for it. */
  add(accountRow: number, next: number, key: Bytes, offset: number, allocator: PageAllocator): number {
    const row = this.count;
    const at = this.#rows.at(row);
    const memory = this.#memory;
    this.#stage(accountRow, key, offset);
    memory.set(at + SLOT_ACCOUNT, accountRow);
    memory.set(at + SLOT_NEXT, next + 1);
    memory.fill(at + SLOT_VERSION, 2);
    memory.writeBytes(at + SLOT_KEY, WORD_WORDS, key, offset);
    memory.fill(at + SLOT_VALUE, WORD_WORDS);
    this.#index.insert(this.#index.hash(), row, allocator);
    this.#rows.count = row + 1;
    return row;
  }

  /** Forgets the newest row. */
  removeLast(): void {
    const row = this.count - 1;
    const at = this.#rows.at(row);
    this.staged[0] = this.#memory.get(at + SLOT_ACCOUNT);
    for (let i = 0; i < WORD_WORDS; i++) this.staged[i + 1] = this.#memory.get(at + SLOT_KEY + i);
    this.#index.delete(this.#index.hash(), row);
    this.#rows.count = row;
  }

  accountOf(row: number): number {
    return this.#memory.get(this.#rows.at(row) + SLOT_ACCOUNT);
  }

  /** The account's slot before this one, -1 behind the last. */
  nextOf(row: number): number {
    return this.#memory.get(this.#rows.at(row) + SLOT_NEXT) - 1;
  }

  /** Address of the row's newest version and its serial. */
  versionOf(row: number): number {
    return this.#rows.at(row) + SLOT_VERSION;
  }

  readKey(row: number, target: Bytes, offset: number): void {
    this.#memory.readBytes(this.#rows.at(row) + SLOT_KEY, WORD_WORDS, target, offset);
  }

  readAccounts(rows: Uint32Array, target: Uint32Array): void {
    this.#rows.readAll(rows, SLOT_ACCOUNT, 1, target);
  }

  readKeys(rows: Uint32Array, target: Uint32Array): void {
    this.#rows.readAll(rows, SLOT_KEY, WORD_WORDS, target);
  }

  readValues(rows: Uint32Array, target: Uint32Array): void {
    this.#rows.readAll(rows, SLOT_VALUE, WORD_WORDS, target);
  }

  keyOf(row: number): Hash {
    const key = new Uint8Array(32);
    this.readKey(row, key, 0);
    return key;
  }

  isClear(body: number): boolean {
    return this.#memory.isZero(body, WORD_WORDS);
  }

  clear(body: number): void {
    this.#memory.fill(body, WORD_WORDS);
  }

  /** Copies the value as a little-endian word. */
  readValue(body: number, target: Bytes, offset: number): void {
    this.#memory.readBytes(body, WORD_WORDS, target, offset);
  }

  writeValue(body: number, source: Bytes, offset: number): void {
    this.#memory.writeBytes(body, WORD_WORDS, source, offset);
  }

  /** The value as 32 big-endian bytes; not to be changed, as that of a clear slot is one array for all. */
  valueOf(body: number): Hash {
    if (this.isClear(body)) return ZERO_HASH;
    const value = new Uint8Array(32);
    for (let i = 0, at = 28; i < WORD_WORDS; i++, at -= 4) {
      const word = this.#memory.get(body + i);
      value[at] = word >>> 24;
      value[at + 1] = word >>> 16;
      value[at + 2] = word >>> 8;
      value[at + 3] = word;
    }
    return value;
  }

  #stage(accountRow: number, key: Bytes, offset: number, at = 0): void {
    const { staged } = this;
    staged[at] = accountRow;
    for (let i = 0; i < WORD_WORDS; i++) staged[at + 1 + i] = wordAt(key, offset + i * 4);
  }
}
