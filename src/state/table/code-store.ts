import type { Bytes } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import { PAGE_WORDS } from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { TableMemory } from './table-memory.ts';

/** 256 KiB: ten codes of the largest size (EIP-170), so that little is left over at the end of a segment. */
const SEGMENT_PAGES = 4;

interface Segment {
  readonly address: number;
  readonly pages: number;
}

/** Bytes of codes one behind the other, given back in the opposite order. Only the owner of the table writes. */
export class CodeStore {
  readonly #memory: TableMemory;
  readonly #segments: Segment[] = [];
  /** Where the next code goes. */
  #next = 0;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  /**
   * Makes room for these codes.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED
   */
  reserve(codes: readonly Bytes[], allocator: PageAllocator): void {
    const words = codes.reduce((sum, code) => sum + Math.ceil(code.length / 4), 0);
    const last = this.#segments.at(-1);
    if (last !== undefined && this.#next + words <= last.address + last.pages * PAGE_WORDS) return;
    const pages = Math.max(SEGMENT_PAGES, Math.ceil(words / PAGE_WORDS));
    this.#next = allocator.allocate(pages);
    this.#segments.push({ address: this.#next, pages });
  }

  /** Returns the address; there is room for the code. */
  put(code: Bytes): number {
    const address = this.#next;
    this.#memory.bytes(address, code.length).set(code);
    this.#next += Math.ceil(code.length / 4);
    return address;
  }

  /** Forgets the code at an address and those behind it. */
  takeBack(address: number, allocator: PageAllocator): void {
    for (;;) {
      const last = this.#segments.at(-1);
      invariant(last !== undefined, 'a code lies in one of the segments');
      if (address >= last.address && address < last.address + last.pages * PAGE_WORDS) break;
      allocator.release(last.address, last.pages);
      this.#segments.pop();
    }
    this.#next = address;
  }
}
