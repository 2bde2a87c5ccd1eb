import { invariant, isStrobeError } from '../../util/errors.ts';
import {
  ACCOUNT_BODY_WORDS,
  END_OF_SEGMENT,
  PAGE_WORDS,
  VERSION_BODY,
  VERSION_OF_SLOT,
  VERSION_ROW,
  WORD_WORDS,
} from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { TableMemory } from './table-memory.ts';

/** Word 0 links the next segment; records begin at an even address, as their numbers of 64 bits have to. */
const FIRST_RECORD = 2;

/**
 * A queue of records in segments of one page: appended behind, given up in front, and cut back behind. Each record lies
 * in one segment.
 */
export class JournalSpace {
  readonly #memory: TableMemory;
  readonly #allocator: PageAllocator;
  readonly #maxSegments: number;
  /** Addresses, oldest first; never empty. */
  readonly #segments: number[] = [];
  #next: number;

  /** @throws StrobeError STATE_MEMORY_EXHAUSTED */
  constructor(memory: TableMemory, allocator: PageAllocator, maxSegments: number) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.#maxSegments = maxSegments;
    this.#segments.push(allocator.allocate(1));
    this.#next = this.#newest + FIRST_RECORD;
  }

  /** Where the next record goes, unless the segment is too full for it. */
  get end(): number {
    return this.#next;
  }

  /** Address of a new record of `words` words (an even number); 0 when there is no room. */
  append(words: number): number {
    // One word more: the mark at the end.
    if (this.#next + words + 1 > this.#newest + PAGE_WORDS && !this.#addSegment()) return 0;
    const address = this.#next;
    this.#next += words;
    return address;
  }

  /** Gives up the segments in front of the one that `address` lies in. */
  releaseBefore(address: number): void {
    const kept = segmentOf(address);
    while (this.#segments[0] !== kept) this.#release(this.#segments.shift());
  }

  /** Gives up the record at `address` and those behind it. */
  truncate(address: number): void {
    const kept = segmentOf(address);
    while (this.#newest !== kept) this.#release(this.#segments.pop());
    this.#next = address;
  }

  /** Gives up all records. */
  clear(): void {
    this.releaseBefore(this.#newest);
    this.#next = this.#newest + FIRST_RECORD;
  }

  get #newest(): number {
    const newest = this.#segments.at(-1);
    invariant(newest !== undefined, 'a journal has a segment');
    return newest;
  }

  #addSegment(): boolean {
    if (this.#segments.length >= this.#maxSegments) return false;
    const previous = this.#newest;
    try {
      this.#segments.push(this.#allocator.allocate(1));
    } catch (error) {
      // The memory is full: the journal does with what it has.
      if (isStrobeError(error, 'STATE_MEMORY_EXHAUSTED')) return false;
      throw error;
    }
    this.#memory.set(this.#next, END_OF_SEGMENT);
    this.#memory.set(previous, this.#newest);
    this.#next = this.#newest + FIRST_RECORD;
    return true;
  }

  #release(segment: number | undefined): void {
    invariant(segment !== undefined, 'the address lies in one of the segments');
    this.#allocator.release(segment, 1);
  }
}

function segmentOf(address: number): number {
  return address - (address % PAGE_WORDS);
}

/** Address of the record at or behind `address`, which may be the end of its segment. */
export function recordAt(memory: TableMemory, address: number): number {
  if (memory.get(address) !== END_OF_SEGMENT) return address;
  return memory.get(segmentOf(address)) + FIRST_RECORD;
}

/** Words of the version at an address. */
export function versionWords(memory: TableMemory, address: number): number {
  const ofSlot = (memory.get(address + VERSION_ROW) & VERSION_OF_SLOT) !== 0;
  return VERSION_BODY + (ofSlot ? WORD_WORDS : ACCOUNT_BODY_WORDS);
}
