import { crc32 } from 'node:zlib';
import type { LogEntry } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/**
 * Versions of the segment format, append-only:
 * - 1 (2026-11): first
 *
 * Header, 48 bytes: magic (8), version u32, genesis hash (32), crc32 of what precedes (4).
 * Record: length u32, crc32 u32, syncedTo u32, number u48, bytes. The checksum covers all of the record but itself.
 * `syncedTo` is the length of this file known to be on disk when the record was written: a broken record below the
 * `syncedTo` of a valid one behind it was once whole, so it is damage and no torn write. Integers are little-endian.
 */
const LOG_FORMAT_VERSION = 1;

const MAGIC = new TextEncoder().encode('STROBLOG');
export const SEGMENT_HEADER_BYTES = 48;
export const RECORD_HEADER_BYTES = 18;

/** Largest record, bytes: a mini-block with both payloads at their bound is below 4 MiB. */
export const MAX_RECORD_BYTES = 8 * 1024 * 1024;

/** First byte of a mini-block record (see log-record.ts). */
const MINI_BLOCK_KIND = 1;

/** Says from its first byte whether a record is a mini-block: the log looks no deeper into its records. */
export function isMiniBlockRecord(bytes: Bytes): boolean {
  return bytes[0] === MINI_BLOCK_KIND;
}

export function encodeSegmentHeader(genesisHash: Hash): Bytes {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.set(MAGIC);
  header.writeUInt32LE(LOG_FORMAT_VERSION, 8);
  header.set(genesisHash, 12);
  header.writeUInt32LE(crc32(header.subarray(0, 44)), 44);
  return header;
}

/**
 * True for a whole header of this chain; false when the bytes are no header (torn or damaged).
 * @throws StrobeError VERSION_NOT_SUPPORTED, GENESIS_MISMATCH
 */
export function checkSegmentHeader(header: Bytes, genesisHash: Hash, file: string): boolean {
  if (header.length < SEGMENT_HEADER_BYTES || !bytesEqual(header.subarray(0, 8), MAGIC)) return false;
  const view = Buffer.from(header.buffer, header.byteOffset, header.length);
  const version = view.readUInt32LE(8);
  if (version > LOG_FORMAT_VERSION) {
    throw new StrobeError(
      'VERSION_NOT_SUPPORTED',
      `the log segment ${file} has format version ${version}, this program knows ${LOG_FORMAT_VERSION}: use the newer program that wrote it`,
      { file, version, known: LOG_FORMAT_VERSION },
    );
  }
  if (crc32(view.subarray(0, 44)) !== view.readUInt32LE(44)) return false;
  const found = header.subarray(12, 44);
  if (!bytesEqual(found, genesisHash)) {
    throw new StrobeError('GENESIS_MISMATCH', `the log segment ${file} belongs to another chain`, {
      file,
      found: toHex(found),
      expected: toHex(genesisHash),
    });
  }
  return true;
}

/** Bytes that `entry` takes in a segment. */
export function recordSize(entry: LogEntry): number {
  return RECORD_HEADER_BYTES + entry.bytes.length;
}

/** What stands in front of a record's bytes, which are given in one or more pieces. */
export function encodeRecordHeader(number: number, pieces: readonly Bytes[], syncedTo: number): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(
    pieces.reduce((sum, piece) => sum + piece.length, 0),
    0,
  );
  header.writeUInt32LE(syncedTo, 8);
  header.writeUIntLE(number, 12, 6);
  header.writeUInt32LE(
    pieces.reduce((crc, piece) => crc32(piece, crc), checksum(header, 0, RECORD_HEADER_BYTES)),
    4,
  );
  return header;
}

/** Writes a record into `target` at `offset`; returns the offset behind it. */
export function writeRecord(target: Buffer, offset: number, entry: LogEntry, syncedTo: number): number {
  target.set(encodeRecordHeader(entry.number, [entry.bytes], syncedTo), offset);
  target.set(entry.bytes, offset + RECORD_HEADER_BYTES);
  return offset + recordSize(entry);
}

function checksum(buffer: Buffer, start: number, end: number): number {
  return crc32(buffer.subarray(start + 8, end), crc32(buffer.subarray(start, start + 4)));
}

export interface ParsedRecord {
  readonly number: number;
  readonly syncedTo: number;
  /** A view of the buffer that was parsed. */
  readonly bytes: Bytes;
  /** Offset behind the record. */
  readonly end: number;
}

/** A record that is whole; how many bytes from its start it needs; or no record at all. */
export type ParseResult =
  | { readonly kind: 'record'; readonly record: ParsedRecord }
  | { readonly kind: 'short'; readonly needed: number }
  | { readonly kind: 'invalid' };

const INVALID: ParseResult = { kind: 'invalid' };

/** What stands in front of a record's bytes, as it is found. */
export function readRecordHeader(buffer: Buffer, offset: number): { length: number; syncedTo: number; number: number } {
  return {
    length: buffer.readUInt32LE(offset),
    syncedTo: buffer.readUInt32LE(offset + 8),
    number: buffer.readUIntLE(offset + 12, 6),
  };
}

/** Parses the record at `offset` of `buffer`; one with more than `maxBytes` is none. */
export function parseRecord(buffer: Buffer, offset: number, maxBytes: number = MAX_RECORD_BYTES): ParseResult {
  if (buffer.length - offset < RECORD_HEADER_BYTES) return { kind: 'short', needed: RECORD_HEADER_BYTES };
  const { length, syncedTo, number } = readRecordHeader(buffer, offset);
  if (length === 0 || length > maxBytes) return INVALID;
  const end = offset + RECORD_HEADER_BYTES + length;
  if (end > buffer.length) return { kind: 'short', needed: end - offset };
  if (checksum(buffer, offset, end) !== buffer.readUInt32LE(offset + 4)) return INVALID;
  return { kind: 'record', record: { number, syncedTo, bytes: buffer.subarray(offset + RECORD_HEADER_BYTES, end), end } };
}
