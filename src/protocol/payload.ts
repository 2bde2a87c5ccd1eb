import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Bytes } from '../util/bytes.ts';
import { concatBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { MAX_DECODED_BYTES } from './limits.ts';

/**
 * Payload encodings by their first byte, append-only:
 * - 0 (2026-11): the canonical bytes as they are
 * - 1 (2026-11): the canonical bytes, zstd
 * - 2 and 3 (2026-11): the compact form of a state diff, plain and zstd; see compact-diff/format.ts
 */
const PAYLOAD_PLAIN = 0;
const PAYLOAD_ZSTD = 1;

/** Below this many bytes zstd only adds its frame. */
const MIN_COMPRESSED_BYTES = 128;

/** Compresses when that makes the payload shorter; level 1, since the clock pays for it. */
export function packPayload(bytes: Bytes): Bytes {
  if (bytes.length >= MIN_COMPRESSED_BYTES) {
    const compressed = zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    if (compressed.length < bytes.length) return concatBytes(Uint8Array.of(PAYLOAD_ZSTD), compressed);
  }
  return concatBytes(Uint8Array.of(PAYLOAD_PLAIN), bytes);
}

/**
 * Inverse of {@link packPayload}; the output is bounded, so a decompression bomb is an error and not an allocation.
 * @throws StrobeError INVALID_PAYLOAD
 */
export function unpackPayload(payload: Bytes): Bytes {
  const kind = payload[0];
  const content = payload.subarray(1);
  if (kind === PAYLOAD_PLAIN) return content;
  if (kind !== PAYLOAD_ZSTD) throw new StrobeError('INVALID_PAYLOAD', 'unknown payload encoding', { kind: kind ?? null });
  try {
    return new Uint8Array(zstdDecompressSync(content, { maxOutputLength: MAX_DECODED_BYTES }));
  } catch (cause) {
    throw new StrobeError('INVALID_PAYLOAD', 'the payload does not decompress within its bound', {}, { cause });
  }
}
