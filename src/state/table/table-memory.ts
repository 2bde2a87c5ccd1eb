import type { Bytes } from '../../util/bytes.ts';
import { CONTROL_MAGIC, CONTROL_MEMORY_PAGES, CONTROL_VERSION, LAYOUT_MAGIC, LAYOUT_VERSION, PAGE_WORDS } from './layout.ts';

/** The part of `WebAssembly.Memory` that is used here: the language's own library does not declare it. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  /** Pages to add; returns their number before. Throws a RangeError beyond the maximum. */
  grow(pages: number): number;
}

const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory };
  }
).WebAssembly;

/**
 * 4 MiB, enough for a small table. Pages that were not touched take no memory, while each growth costs a microsecond for
 * every table that the process has not collected yet: tests make thousands.
 */
const INITIAL_PAGES = 64;

/** A memory with an empty control block. The maximum reserves addresses and no memory. */
export function createMemory(maxPages: number): SharedMemory {
  const initial = Math.min(INITIAL_PAGES, maxPages);
  const memory = new Memory({ initial, maximum: maxPages, shared: true });
  const words = new Int32Array(memory.buffer);
  words[CONTROL_MAGIC] = LAYOUT_MAGIC;
  words[CONTROL_VERSION] = LAYOUT_VERSION;
  words[CONTROL_MEMORY_PAGES] = initial;
  return memory;
}

/**
 * Views of a table's memory in one thread, by word address. Growth makes longer ones: nobody keeps a view across a call
 * that may grow it.
 */
export class TableMemory {
  readonly shared: SharedMemory;
  words: Int32Array;
  #longs: BigUint64Array;

  constructor(shared: SharedMemory) {
    this.shared = shared;
    this.words = new Int32Array(shared.buffer);
    this.#longs = new BigUint64Array(shared.buffer);
  }

  /** Takes up the memory's present length, whichever thread grew it. */
  refresh(): void {
    if (this.shared.buffer.byteLength / 4 === this.words.length) return;
    this.words = new Int32Array(this.shared.buffer);
    this.#longs = new BigUint64Array(this.shared.buffer);
  }

  /** True when the owner has grown the memory beyond this thread's views. */
  get isStale(): boolean {
    return this.get(CONTROL_MEMORY_PAGES) * PAGE_WORDS > this.words.length;
  }

  get(address: number): number {
    return this.words[address] as number;
  }

  set(address: number, word: number): void {
    this.words[address] = word;
  }

  copy(from: number, to: number, words: number): void {
    const view = this.words;
    for (let i = 0; i < words; i++) view[to + i] = view[from + i] as number;
  }

  isZero(address: number, words: number): boolean {
    const view = this.words;
    for (let i = 0; i < words; i++) if (view[address + i] !== 0) return false;
    return true;
  }

  equal(a: number, b: number, words: number): boolean {
    const view = this.words;
    for (let i = 0; i < words; i++) if (view[a + i] !== view[b + i]) return false;
    return true;
  }

  fill(address: number, words: number): void {
    this.words.fill(0, address, address + words);
  }

  /** A signed number of up to 53 bits. */
  getNumber(address: number): number {
    return this.get(address + 1) * 2 ** 32 + (this.get(address) >>> 0);
  }

  setNumber(address: number, value: number): void {
    this.set(address, value | 0);
    this.set(address + 1, Math.floor(value / 2 ** 32));
  }

  /** A number of 64 bits; `address` is even. */
  getLong(address: number): bigint {
    return this.#longs[address >>> 1] as bigint;
  }

  setLong(address: number, value: bigint): void {
    this.#longs[address >>> 1] = value;
  }

  /** Bytes in order, out of `words` words. */
  readBytes(address: number, words: number, target: Bytes, offset: number): void {
    const view = this.words;
    for (let i = 0, at = offset; i < words; i++, at += 4) {
      const word = view[address + i] as number;
      target[at] = word;
      target[at + 1] = word >>> 8;
      target[at + 2] = word >>> 16;
      target[at + 3] = word >>> 24;
    }
  }

  writeBytes(address: number, words: number, source: Bytes, offset: number): void {
    const view = this.words;
    for (let i = 0, at = offset; i < words; i++, at += 4) view[address + i] = wordAt(source, at);
  }

  /** The bytes behind an address, of this very memory. */
  bytes(address: number, length: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.shared.buffer, address * 4, length);
  }
}

/** Four bytes as one word, the first lowest. */
export function wordAt(bytes: Bytes, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
