import { invariant } from '../../util/errors.ts';
import { JournalSpace, recordAt, versionWords } from './journal-space.ts';
import {
  CONTROL_FLOOR,
  CONTROL_FLOOR_SERIAL,
  CONTROL_HEAD_SERIAL,
  CONTROL_NUMBER,
  PAGE_BYTES,
  VERSION_BODY,
  VERSION_PREVIOUS,
  VERSION_PREVIOUS_SERIAL,
  VERSION_ROW,
  VERSION_SERIAL,
  WORD_WORDS,
} from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import { nextSerial } from './serials.ts';
import type { TableMark } from './table-mark.ts';
import type { TableMemory } from './table-memory.ts';

/** One to write while the oldest is given up. */
const MIN_SEGMENTS = 2;

/** Words of a mini-block's header (layout.ts). */
const HEADER_NUMBER = 0;
const HEADER_SERIAL = 2;
const HEADER_COUNTS = 3;
const HEADER_DIGEST = 6;
export const HEADER_WORDS: number = HEADER_DIGEST + WORD_WORDS;

/**
 * Old values of the newest mini-blocks: for each a header and, for each row that was there before and that it changed, a
 * version with the body from before. It is bounded: when it is full the oldest mini-blocks are given up, and at last the
 * one being written, which then cannot be undone.
 */
export class VersionJournal {
  readonly #memory: TableMemory;
  readonly #space: JournalSpace;
  /** Addresses of the headers by ascending number; those in front of `#first` are given up. */
  #headers: number[] = [];
  #first = 0;
  #serial = 0;
  #recording = false;

  /** @throws StrobeError STATE_MEMORY_EXHAUSTED */
  constructor(memory: TableMemory, allocator: PageAllocator, maxBytes: number) {
    this.#memory = memory;
    this.#space = new JournalSpace(memory, allocator, Math.max(MIN_SEGMENTS, Math.floor(maxBytes / PAGE_BYTES)));
    this.restart(-1);
  }

  /** Old values reach back to the end of this mini-block. */
  get floor(): number {
    return this.#memory.getNumber(CONTROL_FLOOR);
  }

  /** Begins without old values at the end of mini-block `number`. */
  restart(number: number): void {
    this.#headers = [];
    this.#first = 0;
    this.#space.clear();
    this.#serial = nextSerial(this.#memory.get(CONTROL_HEAD_SERIAL));
    this.#memory.set(CONTROL_HEAD_SERIAL, this.#serial);
    this.#memory.set(CONTROL_FLOOR_SERIAL, this.#serial);
    this.#memory.setNumber(CONTROL_FLOOR, number);
    this.#memory.setNumber(CONTROL_NUMBER, number);
  }

  /** Begins mini-block `number` on the state that `before` marks. */
  begin(number: number, before: TableMark): void {
    const memory = this.#memory;
    this.#serial = nextSerial(memory.get(CONTROL_HEAD_SERIAL));
    this.#recording = true;
    const header = this.#append(HEADER_WORDS);
    memory.set(CONTROL_HEAD_SERIAL, this.#serial);
    memory.setNumber(CONTROL_NUMBER, number);
    memory.setNumber(header + HEADER_NUMBER, number);
    memory.set(header + HEADER_SERIAL, this.#serial);
    memory.set(header + HEADER_COUNTS, before.accounts);
    memory.set(header + HEADER_COUNTS + 1, before.slots);
    memory.set(header + HEADER_COUNTS + 2, before.codes);
    memory.writeBytes(header + HEADER_DIGEST, WORD_WORDS, before.digest, 0);
    this.#headers.push(header);
  }

  /**
   * Keeps the body of a row that is about to change, once in a mini-block. Rows that the mini-block added need none.
   * @param row its number, with VERSION_OF_SLOT for a slot
   * @param version address of the row's newest version and its serial
   */
  keep(row: number, version: number, body: number, words: number): void {
    const memory = this.#memory;
    if (!this.#recording || memory.get(version + 1) === this.#serial) return;
    const address = this.#append(VERSION_BODY + words);
    if (address === 0) return;
    memory.set(address + VERSION_ROW, row);
    memory.set(address + VERSION_PREVIOUS, memory.get(version));
    memory.set(address + VERSION_PREVIOUS_SERIAL, memory.get(version + 1));
    memory.set(address + VERSION_SERIAL, this.#serial);
    memory.copy(body, address + VERSION_BODY, words);
    memory.set(version, address);
    memory.set(version + 1, this.#serial);
  }

  /** Forgets old values up to the end of mini-block `number`, which is not above the newest. */
  release(number: number): void {
    while (this.#first < this.#headers.length && this.#numberOf(this.#first) <= number) this.#dropOldest();
    if (number > this.floor) this.#memory.setNumber(CONTROL_FLOOR, number);
  }

  /** Mini-blocks above `number`: indexes for {@link VersionJournal.versionsOf}, from the oldest to before `end`. */
  above(number: number): { readonly start: number; readonly end: number } {
    let [low, high] = [this.#first, this.#headers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numberOf(middle) > number) high = middle;
      else low = middle + 1;
    }
    return { start: low, end: this.#headers.length };
  }

  /** Addresses of the versions that a mini-block made. */
  *versionsOf(index: number): Iterable<number> {
    const end = this.#headers[index + 1] ?? this.#space.end;
    let address = this.#headerAt(index) + HEADER_WORDS;
    while (address !== end) {
      const record = recordAt(this.#memory, address);
      if (record === end) return;
      yield record;
      address = record + versionWords(this.#memory, record);
    }
  }

  /** Addresses of the headers from index `start` to before `end`, and where the last one's versions end. */
  headersOf(start: number, end: number): { readonly headers: readonly number[]; readonly end: number } {
    return { headers: this.#headers.slice(start, end), end: this.#headers[end] ?? this.#space.end };
  }

  /** What was there before the mini-block. */
  markBefore(index: number): TableMark {
    const counts = this.#headerAt(index) + HEADER_COUNTS;
    const digest = new Uint8Array(32);
    this.#memory.readBytes(this.#headerAt(index) + HEADER_DIGEST, WORD_WORDS, digest, 0);
    return {
      accounts: this.#memory.get(counts),
      slots: this.#memory.get(counts + 1),
      codes: this.#memory.get(counts + 2),
      digest,
    };
  }

  /** Serial of the application that made the state at the end of mini-block `number`, not below the floor. */
  serialAt(number: number): number {
    const { start } = this.above(number);
    if (start === this.#first) return this.#memory.get(CONTROL_FLOOR_SERIAL);
    return this.#memory.get(this.#headerAt(start - 1) + HEADER_SERIAL);
  }

  /** Forgets the mini-blocks from index `start` on, which were undone: `number` is the newest now. */
  truncate(start: number, number: number): void {
    this.#memory.setNumber(CONTROL_NUMBER, number);
    if (start === this.#headers.length) return;
    this.#space.truncate(this.#headerAt(start));
    this.#headers.length = start;
  }

  #headerAt(index: number): number {
    const header = this.#headers[index];
    invariant(header !== undefined, 'a mini-block above the floor has a header');
    return header;
  }

  #numberOf(index: number): number {
    return this.#memory.getNumber(this.#headerAt(index) + HEADER_NUMBER);
  }

  /** Makes room by giving up the oldest; 0 when that was the mini-block being written. */
  #append(words: number): number {
    for (;;) {
      const address = this.#space.append(words);
      if (address !== 0) return address;
      invariant(this.#first < this.#headers.length, 'an empty journal has room for a record');
      const dropped = this.#dropOldest();
      if (dropped === this.#serial) {
        this.#recording = false;
        return 0;
      }
    }
  }

  /** The floor rises to the end of the oldest mini-block; returns its serial. */
  #dropOldest(): number {
    const header = this.#headerAt(this.#first);
    const serial = this.#memory.get(header + HEADER_SERIAL);
    this.#memory.setNumber(CONTROL_FLOOR, this.#numberOf(this.#first));
    this.#memory.set(CONTROL_FLOOR_SERIAL, serial);
    this.#first++;
    const oldest = this.#headers[this.#first];
    if (oldest === undefined) this.#space.clear();
    else this.#space.releaseBefore(oldest);
    // Now and then, so that the list stays as short as what it lists.
    if (this.#first * 2 > this.#headers.length) {
      this.#headers = this.#headers.slice(this.#first);
      this.#first = 0;
    }
    return serial;
  }
}
