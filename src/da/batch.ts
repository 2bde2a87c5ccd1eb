import { MAX_DECODED_BYTES } from '../protocol/limits.ts';
import { packPayload, unpackPayload } from '../protocol/payload.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { type ErrorMeta, isStrobeError, StrobeError } from '../util/errors.ts';

/**
 * Versions of the batch format by the first byte, append-only:
 * - 1 (2026-11): chunks, each a u32 length and a payload (see packPayload) of records, each a u32 length and its bytes;
 *   integers are big-endian. The records are those of the log, in log order: with the genesis file they are all that
 *   anyone needs to rebuild the chain.
 */
const BATCH_VERSION = 1;

/** Bytes that a chunk is filled up to: long enough for zstd to do well, short enough not to hold up its thread. */
const CHUNK_BYTES = 1024 * 1024;
/** Bounds of what a batch makes its reader allocate: a block full of incompressible data is well below them. */
export const MAX_BATCH_BYTES = 256 * 1024 * 1024;
const MAX_DECODED_BATCH_BYTES = 512 * 1024 * 1024;
const MAX_BATCH_RECORDS = 1_000_000;

/** @throws StrobeError DA_BATCH_TOO_LARGE */
export function encodeBatch(records: readonly Bytes[]): Bytes {
  const parts: Bytes[] = [Uint8Array.of(BATCH_VERSION)];
  let chunk: Bytes[] = [];
  let chunkBytes = 0;
  const flush = (): void => {
    const payload = packPayload(concatBytes(...chunk));
    parts.push(uint32(payload.length), payload);
    chunk = [];
    chunkBytes = 0;
  };
  for (const record of records) {
    if (chunkBytes > 0 && chunkBytes + 4 + record.length > CHUNK_BYTES) flush();
    if (4 + record.length > MAX_DECODED_BYTES) throw tooLarge({ recordBytes: record.length });
    chunk.push(uint32(record.length), record);
    chunkBytes += 4 + record.length;
  }
  if (chunkBytes > 0) flush();
  const batch = concatBytes(...parts);
  if (batch.length > MAX_BATCH_BYTES || records.length > MAX_BATCH_RECORDS) {
    throw tooLarge({ bytes: batch.length, records: records.length });
  }
  return batch;
}

/** @throws StrobeError VERSION_NOT_SUPPORTED, INVALID_DA_BATCH */
export function decodeBatch(batch: Bytes): Bytes[] {
  if (batch.length === 0 || batch.length > MAX_BATCH_BYTES) throw invalid('its length is out of bounds');
  if (batch[0] !== BATCH_VERSION) {
    throw new StrobeError('VERSION_NOT_SUPPORTED', 'unknown version of a data availability batch', { version: batch[0] });
  }
  const records: Bytes[] = [];
  let decodedBytes = 0;
  for (const payload of readItems(batch.subarray(1))) {
    const chunk = unpack(payload);
    decodedBytes += chunk.length;
    if (decodedBytes > MAX_DECODED_BATCH_BYTES) throw invalid('it decodes to too many bytes');
    for (const record of readItems(chunk)) {
      if (records.length === MAX_BATCH_RECORDS) throw invalid('it has too many records');
      records.push(record);
    }
  }
  return records;
}

function unpack(payload: Bytes): Bytes {
  try {
    return unpackPayload(payload);
  } catch (cause) {
    if (!isStrobeError(cause)) throw cause;
    throw invalid('a chunk does not decompress', cause);
  }
}

function* readItems(bytes: Bytes): Generator<Bytes, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 4) throw invalid('it ends inside a length');
    const length = view.getUint32(at);
    at += 4;
    if (length === 0 || length > bytes.length - at) throw invalid('a length is out of bounds');
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function tooLarge(meta: ErrorMeta): StrobeError<'DA_BATCH_TOO_LARGE'> {
  return new StrobeError('DA_BATCH_TOO_LARGE', 'the data availability batch is above its bounds', meta);
}

function invalid(message: string, cause?: unknown): StrobeError<'INVALID_DA_BATCH'> {
  return new StrobeError(
    'INVALID_DA_BATCH',
    `data availability batch: ${message}`,
    {},
    cause === undefined ? undefined : { cause },
  );
}
