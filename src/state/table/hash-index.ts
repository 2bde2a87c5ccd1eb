import { keyedHash } from './keyed-hash.ts';
import { CONTROL_SEED, type IndexLayout, PAGE_WORDS } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { TableMemory } from './table-memory.ts';

/** Words of {@link IndexLayout.control}. */
const TABLE = 0;
const SIZE_LOG2 = 1;
const OLD_TABLE = 2;
const OLD_SIZE_LOG2 = 3;
const CURSOR = 4;

/** One page. */
const SMALLEST_LOG2 = 13;
/** Filled beyond three quarters, a table with linear probing becomes slow. */
const MAX_LOAD = 0.75;
/** A table that is made for known contents starts at most this full: it can grow on by half before the next one. */
const COMFORTABLE_LOAD = 0.5;
/**
 * Entries of the old table looked at for each insertion: two are enough for the old one to be empty before the new one,
 * twice as large, is full.
 */
const MIGRATED_PER_INSERTION = 2;
/** Entry of the old table whose key was taken out. */
const DELETED = -1;

/** Keys that are searched for at a time: their entries and rows fit the nearest caches. */
export const MAX_STAGED_KEYS = 128;

/** Keys of the rows behind an index, in words. */
export interface IndexedKeys {
  readonly keyWords: number;
  /** The key in question: searched for, put in or taken out. When several are searched for, they follow each other. */
  readonly staged: Int32Array;
  /** True when the row has the staged key that begins at word `at`. */
  matches(row: number, at: number): boolean;
  /** Address of a row. */
  at(row: number): number;
}

/**
 * Finds rows by key: open addressing with a secret hash. It grows into a table of twice the size a few entries at a
 * time, so that no single insertion takes long.
 */
export class HashIndex {
  readonly #memory: TableMemory;
  readonly #control: number;
  readonly #keys: IndexedKeys;
  readonly #hashes = new Int32Array(MAX_STAGED_KEYS);
  /** What was read for nothing but to have it near. */
  #fetched = 0;

  constructor(memory: TableMemory, layout: IndexLayout, keys: IndexedKeys) {
    this.#memory = memory;
    this.#control = layout.control;
    this.#keys = keys;
  }

  /** Hash of the staged key that begins at word `at`. */
  hash(at = 0): number {
    const { staged, keyWords } = this.#keys;
    return keyedHash(staged, at, keyWords, this.#memory.get(CONTROL_SEED), this.#memory.get(CONTROL_SEED + 1));
  }

  /** Row of the staged key that begins at word `at`, -1 if there is none. */
  find(hash: number, at = 0): number {
    const row = this.#probe(TABLE, hash, at);
    return row === -1 && this.#get(OLD_TABLE) !== 0 ? this.#probe(OLD_TABLE, hash, at) : row;
  }

  /**
   * Rows of the first `count` staged keys, -1 for those without one, to `rows` from `offset` on. Entries and rows lie
   * anywhere in a large memory. Each step is taken for all keys before the next, and reads first what it needs without
   * looking at it, so that the processor waits for many places at a time and not for one after the other.
   */
  findAll(count: number, rows: Int32Array, offset: number): void {
    const { keyWords } = this.#keys;
    const hashes = this.#hashes;
    for (let i = 0; i < count; i++) hashes[i] = this.hash(i * keyWords);
    this.#fetchEntries(TABLE, count);
    for (let i = 0; i < count; i++) rows[offset + i] = this.#firstOfHash(TABLE, hashes[i] as number);
    if (this.#get(OLD_TABLE) !== 0) this.#findInOldTable(count, rows, offset);
    this.#fetchRows(count, rows, offset);
    for (let i = 0; i < count; i++) {
      const row = rows[offset + i] as number;
      if (row === -1 || this.#keys.matches(row, i * keyWords)) continue;
      rows[offset + i] = this.find(hashes[i] as number, i * keyWords);
    }
  }

  /**
   * Makes room for `extra` keys beside the `count` that there are.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  reserve(count: number, extra: number, allocator: PageAllocator): void {
    const size = this.#get(TABLE) === 0 ? 0 : 2 ** this.#get(SIZE_LOG2);
    if (count + extra <= size * MAX_LOAD) return;
    // Rare: a mini-block that adds a multiple of what there is. The work is in proportion to its own.
    this.#migrate(Number.MAX_SAFE_INTEGER, allocator);
    let log2 = SMALLEST_LOG2;
    while (2 ** log2 * COMFORTABLE_LOAD < count + extra) log2++;
    const table = allocator.allocateZeroed((2 ** log2 * 2) / PAGE_WORDS);
    if (size > 0 && count === 0) allocator.release(this.#get(TABLE), (size * 2) / PAGE_WORDS);
    this.#set(OLD_TABLE, count === 0 ? 0 : this.#get(TABLE));
    this.#set(OLD_SIZE_LOG2, this.#get(SIZE_LOG2));
    this.#set(TABLE, table);
    this.#set(SIZE_LOG2, log2);
    this.#set(CURSOR, 0);
  }

  /** Puts a key in that is not there; there is room for it. */
  insert(hash: number, row: number, allocator: PageAllocator): void {
    this.#put(hash, row + 1);
    this.#migrate(MIGRATED_PER_INSERTION, allocator);
  }

  /** Takes the key of `row` out. */
  delete(hash: number, row: number): void {
    this.#deleteFromTable(hash, row + 1);
    const old = this.#entryOf(OLD_TABLE, hash, row + 1);
    if (old !== -1) this.#memory.set(old + 1, DELETED);
  }

  #get(field: number): number {
    return this.#memory.get(this.#control + field);
  }

  #set(field: number, value: number): void {
    this.#memory.set(this.#control + field, value);
  }

  #findInOldTable(count: number, rows: Int32Array, offset: number): void {
    this.#fetchEntries(OLD_TABLE, count);
    for (let i = 0; i < count; i++) {
      if (rows[offset + i] === -1) rows[offset + i] = this.#firstOfHash(OLD_TABLE, this.#hashes[i] as number);
    }
  }

  #fetchEntries(which: typeof TABLE | typeof OLD_TABLE, count: number): void {
    const table = this.#get(which);
    const mask = (1 << this.#get(which + 1)) - 1;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#memory.get(table + ((this.#hashes[i] as number) & mask) * 2);
    this.#fetched = sum | 0;
  }

  #fetchRows(count: number, rows: Int32Array, offset: number): void {
    let sum = this.#fetched;
    for (let i = 0; i < count; i++) {
      const row = rows[offset + i] as number;
      if (row !== -1) sum += this.#memory.get(this.#keys.at(row));
    }
    this.#fetched = sum | 0;
  }

  /** Row of the first entry with this hash, which is nearly always the one that is looked for; -1 if there is none. */
  #firstOfHash(which: typeof TABLE | typeof OLD_TABLE, hash: number): number {
    const table = this.#get(which);
    if (table === 0) return -1;
    const mask = (1 << this.#get(which + 1)) - 1;
    const { words } = this.#memory;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const row = words[table + place * 2 + 1] as number;
      if (row === 0) return -1;
      if (row !== DELETED && words[table + place * 2] === hash) return row - 1;
    }
  }

  /** Ends in any memory: a reader in another thread may look while the table is written. */
  #probe(which: typeof TABLE | typeof OLD_TABLE, hash: number, at: number): number {
    const table = this.#get(which);
    if (table === 0) return -1;
    const mask = (1 << this.#get(which + 1)) - 1;
    const memory = this.#memory;
    for (let step = 0, place = hash & mask; step <= mask; step++, place = (place + 1) & mask) {
      const entry = table + place * 2;
      const row = memory.get(entry + 1);
      if (row === 0) return -1;
      if (row !== DELETED && memory.get(entry) === hash && this.#keys.matches(row - 1, at)) return row - 1;
    }
    return -1;
  }

  /** Address of the entry of this very row, -1 if there is none. */
  #entryOf(which: typeof TABLE | typeof OLD_TABLE, hash: number, value: number): number {
    const table = this.#get(which);
    if (table === 0) return -1;
    const mask = (1 << this.#get(which + 1)) - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = table + place * 2;
      const found = this.#memory.get(entry + 1);
      if (found === value) return entry;
      if (found === 0) return -1;
    }
  }

  #put(hash: number, value: number): void {
    const table = this.#get(TABLE);
    const mask = (1 << this.#get(SIZE_LOG2)) - 1;
    let place = hash & mask;
    while (this.#memory.get(table + place * 2 + 1) !== 0) place = (place + 1) & mask;
    this.#memory.set(table + place * 2, hash);
    this.#memory.set(table + place * 2 + 1, value);
  }

  /** Moves later entries of the run back over the gap, so that none becomes unreachable (Knuth 6.4, algorithm R). */
  #deleteFromTable(hash: number, value: number): void {
    const entry = this.#entryOf(TABLE, hash, value);
    if (entry === -1) return;
    const table = this.#get(TABLE);
    const mask = (1 << this.#get(SIZE_LOG2)) - 1;
    const memory = this.#memory;
    let gap = (entry - table) / 2;
    for (let place = (gap + 1) & mask; memory.get(table + place * 2 + 1) !== 0; place = (place + 1) & mask) {
      const home = memory.get(table + place * 2) & mask;
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      memory.copy(table + place * 2, table + gap * 2, 2);
      gap = place;
    }
    memory.set(table + gap * 2, 0);
    memory.set(table + gap * 2 + 1, 0);
  }

  /** Copies up to `entries` entries of the old table over; gives the table back behind the last. */
  #migrate(entries: number, allocator: PageAllocator): void {
    const old = this.#get(OLD_TABLE);
    if (old === 0) return;
    const size = 2 ** this.#get(OLD_SIZE_LOG2);
    const from = this.#get(CURSOR);
    const to = Math.min(size, from + entries);
    for (let place = from; place < to; place++) {
      const value = this.#memory.get(old + place * 2 + 1);
      if (value !== 0 && value !== DELETED) this.#put(this.#memory.get(old + place * 2), value);
    }
    this.#set(CURSOR, to);
    if (to < size) return;
    this.#set(OLD_TABLE, 0);
    allocator.release(old, (size * 2) / PAGE_WORDS);
  }
}
