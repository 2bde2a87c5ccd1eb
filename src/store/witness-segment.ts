import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { MAX_WITNESS_CHUNKS, WITNESS_CHUNK_BYTES } from '../protocol/limits.ts';
import { type Bytes, bytesEqual, fromText } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { readAt } from './log-disk.ts';
import { RECORD_HEADER_BYTES, readRecordHeader } from './log-format.ts';
import { findRecord, RecordCursor } from './log-segment.ts';

/**
 * Versions of the format, append-only:
 * - 1 (2026-11): first
 *
 * Header, 16 bytes: magic (8), version u32, crc32 of what precedes (4). Then records as in the log (see log-format.ts);
 * every record is synced before the next one is written, so that its `syncedTo` is its own offset. The bytes of a
 * record are its kind and the witness. Integers are little-endian.
 */
const FORMAT_VERSION = 1;

const MAGIC = fromText('STROBWIT');
const HEADER_BYTES = 16;

/** First byte of a record, append-only. */
export const WITNESS_RECORD = 1;

/** Largest record: the kind and the largest witness that the network carries. */
export const MAX_WITNESS_RECORD_BYTES = 1 + MAX_WITNESS_CHUNKS * WITNESS_CHUNK_BYTES;

/** Bytes read at once to walk from header to header: many small witnesses, or one large one skipped. */
const WALK_CHUNK_BYTES = 16 * 1024;

const NAME_PATTERN = /^(\d{12})\.witnesses$/;

/** Segments are numbered in the order in which they were begun. */
export function witnessSegmentName(sequence: number): string {
  return `${String(sequence).padStart(12, '0')}.witnesses`;
}

/** The sequence in a segment's name; undefined for any other file. */
export function sequenceOf(name: string): number | undefined {
  const digits = NAME_PATTERN.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeWitnessHeader(): Bytes {
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(MAGIC);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** What is known of one segment file of witnesses. */
export class WitnessSegment {
  readonly sequence: number;
  readonly path: string;
  /** Where the next record goes. */
  end = HEADER_BYTES;
  /** False: nothing is appended any more, since it does not end with a whole record. */
  isOpen = true;
  /** Offset of a block's newest record by block number. */
  readonly #offsets = new Map<number, number>();

  constructor(sequence: number, path: string) {
    this.sequence = sequence;
    this.path = path;
  }

  /** Blocks that have a witness here. */
  get count(): number {
    return this.#offsets.size;
  }

  offsetOf(blockNumber: number): number | undefined {
    return this.#offsets.get(blockNumber);
  }

  note(blockNumber: number, offset: number): void {
    this.#offsets.set(blockNumber, offset);
  }

  forgetBelow(blockNumber: number): void {
    for (const number of this.#offsets.keys()) if (number < blockNumber) this.#offsets.delete(number);
  }

  /** Undefined: not here, or damaged. */
  async read(blockNumber: number): Promise<Bytes | undefined> {
    const offset = this.#offsets.get(blockNumber);
    if (offset === undefined) return undefined;
    const file = await open(this.path, 'r');
    try {
      const step = await new RecordCursor(file, offset, MAX_WITNESS_RECORD_BYTES).next(this.end);
      if (step.kind !== 'record' || step.record.number !== blockNumber || step.record.bytes[0] !== WITNESS_RECORD)
        return undefined;
      return new Uint8Array(step.record.bytes.subarray(1));
    } finally {
      await file.close();
    }
  }
}

/**
 * Finds the records of an existing segment by their headers; checksums are left to those who read. The last record
 * alone may be torn, so it is read. Behind damage it goes on with the next whole record.
 * @throws StrobeError VERSION_NOT_SUPPORTED
 */
export async function openWitnessSegment(sequence: number, path: string): Promise<WitnessSegment> {
  const segment = new WitnessSegment(sequence, path);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    assertVersion(await readAt(file, 0, HEADER_BYTES), path);
    segment.isOpen = size >= HEADER_BYTES && (await walk(file, size, segment));
    segment.end = Math.max(size, HEADER_BYTES);
    return segment;
  } finally {
    await file.close();
  }
}

/** A header that is damaged says nothing: the records are whole or not by themselves. */
function assertVersion(header: Buffer, path: string): void {
  if (header.length < HEADER_BYTES || !bytesEqual(header.subarray(0, 8), MAGIC)) return;
  const version = header.readUInt32LE(8);
  if (version <= FORMAT_VERSION || crc32(header.subarray(0, 12)) !== header.readUInt32LE(12)) return;
  throw new StrobeError(
    'VERSION_NOT_SUPPORTED',
    `the witness segment ${path} has format version ${version}, this program knows ${FORMAT_VERSION}: use the newer program that wrote it`,
    { file: path, version, known: FORMAT_VERSION },
  );
}

/** Notes the records of a file; true when it is whole from beginning to end, as far as headers and last record tell. */
async function walk(file: FileHandle, size: number, segment: WitnessSegment): Promise<boolean> {
  const headerAt = headerReader(file, size);
  let isWhole = true;
  let last: { readonly number: number; readonly offset: number } | undefined;
  let position: number | undefined = HEADER_BYTES;
  while (position !== undefined) {
    const header = await headerAt(position);
    if (header !== undefined) {
      if (last !== undefined) segment.note(last.number, last.offset);
      last = { number: header.number, offset: position };
      position = header.end;
      continue;
    }
    const isLastWhole = last === undefined || (await isRecordAt(file, last.offset, size));
    if (last !== undefined && isLastWhole) segment.note(last.number, last.offset);
    if (position === size && isLastWhole) return isWhole;
    isWhole = false;
    // A damaged length led here: what lies between may be whole.
    const from: number = last === undefined || isLastWhole ? position : last.offset;
    last = undefined;
    position = await findRecord(file, from + 1, size, { mayBe: isOwnOffset, maxRecordBytes: MAX_WITNESS_RECORD_BYTES });
  }
  return false;
}

const isOwnOffset = (syncedTo: number, position: number): boolean => syncedTo === position;

async function isRecordAt(file: FileHandle, offset: number, size: number): Promise<boolean> {
  const step = await new RecordCursor(file, offset, MAX_WITNESS_RECORD_BYTES).next(size);
  return step.kind === 'record';
}

/** Reads record headers; undefined where there can be none. */
function headerReader(file: FileHandle, size: number) {
  let chunk: Buffer = Buffer.alloc(0);
  let chunkAt = 0;
  return async (position: number): Promise<{ readonly number: number; readonly end: number } | undefined> => {
    if (position + RECORD_HEADER_BYTES > size) return undefined;
    if (position < chunkAt || position + RECORD_HEADER_BYTES > chunkAt + chunk.length) {
      chunk = await readAt(file, position, WALK_CHUNK_BYTES);
      chunkAt = position;
    }
    if (chunk.length < RECORD_HEADER_BYTES) return undefined;
    const { length, syncedTo, number } = readRecordHeader(chunk, position - chunkAt);
    const end = position + RECORD_HEADER_BYTES + length;
    const isPlausible = length > 0 && length <= MAX_WITNESS_RECORD_BYTES && isOwnOffset(syncedTo, position) && end <= size;
    return isPlausible ? { number, end } : undefined;
  };
}
