import type { FileHandle } from 'node:fs/promises';
import { readAt } from './log-disk.ts';
import { MAX_RECORD_BYTES, type ParsedRecord, parseRecord, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './log-format.ts';

/** Bytes between two entries of the sparse index: finding a record reads at most this much too much. */
const INDEX_STRIDE_BYTES = 256 * 1024;

/** Bytes read at once: long enough that system calls do not count, short enough for many readers at a time. */
const READ_CHUNK_BYTES = 256 * 1024;

/** Step of the search for a whole record: bounds what is in memory. */
const SEARCH_WINDOW_BYTES = 16 * 1024 * 1024;

const NAME_PATTERN = /^(\d{15})\.log$/;

/** A segment is named by the number of its first record, so that names sort in log order. */
export function segmentName(firstNumber: number): string {
  return `${String(firstNumber).padStart(15, '0')}.log`;
}

/** The first number in a segment's name; undefined for any other file. */
export function firstNumberOf(name: string): number | undefined {
  const digits = NAME_PATTERN.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What is known of one segment file. */
export class LogSegment {
  readonly firstNumber: number;
  readonly path: string;
  /** Readers go up to here: the end of the last record that was acknowledged. */
  end = SEGMENT_HEADER_BYTES;
  readonly #numbers: number[] = [];
  readonly #offsets: number[] = [];

  constructor(firstNumber: number, path: string) {
    this.firstNumber = firstNumber;
    this.path = path;
  }

  /** Notes a record for the index; called for every record in order. */
  note(number: number, offset: number): void {
    const newest = this.#offsets.at(-1);
    if (newest !== undefined && offset - newest < INDEX_STRIDE_BYTES) return;
    this.#numbers.push(number);
    this.#offsets.push(offset);
  }

  /** Offset of a record at or before the first one with `number >= from`. */
  offsetBefore(from: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // Strictly below: records of one number may lie on both sides of an entry.
      if ((this.#numbers[middle] as number) < from) low = middle + 1;
      else high = middle;
    }
    return this.#offsets[low - 1] ?? SEGMENT_HEADER_BYTES;
  }

  /** Forgets index entries at or behind `offset`, where the segment now ends. */
  cutAt(offset: number): void {
    while ((this.#offsets.at(-1) ?? -1) >= offset) {
      this.#offsets.pop();
      this.#numbers.pop();
    }
    this.end = offset;
  }
}

export type CursorStep =
  | { readonly kind: 'record'; readonly offset: number; readonly record: ParsedRecord }
  | { readonly kind: 'end' }
  /** The bytes at `offset` are no whole record. */
  | { readonly kind: 'bad'; readonly offset: number };

/** Walks the records of a segment file chunk by chunk. */
export class RecordCursor {
  readonly #file: FileHandle;
  readonly #maxRecordBytes: number;
  #position: number;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkAt = 0;

  constructor(file: FileHandle, position: number, maxRecordBytes: number = MAX_RECORD_BYTES) {
    this.#file = file;
    this.#maxRecordBytes = maxRecordBytes;
    this.#position = position;
  }

  /** The record at the cursor; `limit` is where the segment ends at present. */
  async next(limit: number): Promise<CursorStep> {
    const offset = this.#position;
    if (offset === limit) return { kind: 'end' };
    let parsed = parseRecord(this.#chunk, this.#within(offset), this.#maxRecordBytes);
    while (parsed.kind === 'short') {
      if (offset + parsed.needed > limit) return { kind: 'bad', offset };
      const had = this.#chunk.length - this.#within(offset);
      await this.#refill(offset, Math.max(parsed.needed, Math.min(READ_CHUNK_BYTES, limit - offset)));
      if (this.#chunk.length <= had) return { kind: 'bad', offset };
      parsed = parseRecord(this.#chunk, 0, this.#maxRecordBytes);
    }
    if (parsed.kind === 'invalid') return { kind: 'bad', offset };
    this.#position = this.#chunkAt + parsed.record.end;
    return { kind: 'record', offset, record: parsed.record };
  }

  #within(offset: number): number {
    return offset - this.#chunkAt;
  }

  async #refill(offset: number, length: number): Promise<void> {
    this.#chunk = await readAt(this.#file, offset, length);
    this.#chunkAt = offset;
  }
}

export interface RecordSearch {
  /** Cheap test in front of the checksum: can a record that says `syncedTo` stand at `position`? */
  readonly mayBe: (syncedTo: number, position: number) => boolean;
  readonly maxRecordBytes?: number;
}

/** Offset of the first whole record at or behind `from` in a file of `size` bytes. */
export async function findRecord(
  file: FileHandle,
  from: number,
  size: number,
  { mayBe, maxRecordBytes = MAX_RECORD_BYTES }: RecordSearch,
): Promise<number | undefined> {
  for (let start = from; start < size; start += SEARCH_WINDOW_BYTES) {
    const window = await readAt(file, start, Math.min(2 * SEARCH_WINDOW_BYTES, size - start));
    const candidates = Math.min(SEARCH_WINDOW_BYTES, window.length - RECORD_HEADER_BYTES);
    for (let at = 0; at < candidates; at++) {
      const position = start + at;
      if (!mayBe(window.readUInt32LE(at + 8), position)) continue;
      const parsed = parseRecord(window, at, maxRecordBytes);
      if (parsed.kind === 'record') return position;
      if (parsed.kind === 'invalid') continue;
      // It goes on behind the window.
      const step = await new RecordCursor(file, position, maxRecordBytes).next(size);
      if (step.kind === 'record') return position;
    }
  }
  return undefined;
}
