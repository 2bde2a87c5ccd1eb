import { crc32 } from 'node:zlib';
import type { Hash } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual, fromText } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { invalidSnapshot } from './snapshot-errors.ts';

/**
 * Versions of the snapshot file, append-only:
 * - 1 (2026-11): first
 *
 * Header, 16 bytes: magic (8), version u32, crc32 of what precedes (4); every version begins like this.
 * Then the chunks, one behind the other, the manifest (snapshot-manifest.ts), and the trailer, 40 bytes: length of the
 * manifest u32, keccak256 of the manifest (32), crc32 of what precedes in the trailer (4). Integers are little-endian.
 * The manifest comes last since it lists the hashes of chunks that are written as they are made; a file that was cut
 * has no trailer. Every byte is under a checksum, and a file in the data directory and an exported one are the same.
 */
const SNAPSHOT_FORMAT_VERSION = 1;

const MAGIC = fromText('STROSNAP');
export const FILE_HEADER_BYTES = 16;
export const FILE_TRAILER_BYTES = 40;

/** Longest chunk: what reading one takes in memory. */
export const MAX_CHUNK_BYTES = 16 * 1024 * 1024;

/** Most chunks: 256 GiB of state in chunks of 1 MiB, with a manifest of 10 MB. */
export const MAX_CHUNKS = 262_144;

/** Longest manifest: the most chunks and tens of thousands of epochs. */
export const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;

export function encodeFileHeader(): Bytes {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  header.set(MAGIC);
  header.writeUInt32LE(SNAPSHOT_FORMAT_VERSION, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** @throws StrobeError INVALID_SNAPSHOT, VERSION_NOT_SUPPORTED */
export function checkFileHeader(header: Buffer, file: string): void {
  if (header.length < FILE_HEADER_BYTES || !bytesEqual(header.subarray(0, 8), MAGIC)) {
    throw invalidSnapshot(file, 'it does not begin like a snapshot');
  }
  if (crc32(header.subarray(0, 12)) !== header.readUInt32LE(12)) throw invalidSnapshot(file, 'its header is damaged');
  const version = header.readUInt32LE(8);
  if (version <= SNAPSHOT_FORMAT_VERSION) return;
  throw new StrobeError(
    'VERSION_NOT_SUPPORTED',
    `the snapshot ${file} has format version ${version}, this program knows ${SNAPSHOT_FORMAT_VERSION}: use the newer program that wrote it`,
    { file, version, known: SNAPSHOT_FORMAT_VERSION },
  );
}

export function encodeFileTrailer(manifest: Bytes): Bytes {
  const trailer = Buffer.alloc(FILE_TRAILER_BYTES);
  trailer.writeUInt32LE(manifest.length, 0);
  trailer.set(keccak256(manifest), 4);
  trailer.writeUInt32LE(crc32(trailer.subarray(0, 36)), 36);
  return trailer;
}

export interface FileTrailer {
  readonly manifestBytes: number;
  readonly manifestDigest: Hash;
}

/** @throws StrobeError INVALID_SNAPSHOT */
export function decodeFileTrailer(trailer: Buffer, file: string): FileTrailer {
  if (trailer.length < FILE_TRAILER_BYTES || crc32(trailer.subarray(0, 36)) !== trailer.readUInt32LE(36)) {
    throw invalidSnapshot(file, 'its end is missing or damaged');
  }
  const manifestBytes = trailer.readUInt32LE(0);
  if (manifestBytes > MAX_MANIFEST_BYTES) throw invalidSnapshot(file, 'its manifest is too long');
  return { manifestBytes, manifestDigest: trailer.subarray(4, 36) };
}
