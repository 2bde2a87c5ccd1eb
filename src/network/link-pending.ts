import { MAX_TRANSACTION_BYTES } from '../protocol/limits.ts';
import type { PooledBytes } from '../protocol/ports/pool.ts';
import type { Bytes } from '../util/bytes.ts';
import { networkError } from './network-errors.ts';

// Bodies of the frames by which a replica watches the sequencer's pool: the request is one byte, 1 to begin and 0 to end;
// a transaction is its sender's 20 bytes, then the raw bytes.

const SENDER_BYTES = 20;

export function encodeWatch(isWatched: boolean): Bytes {
  return Uint8Array.of(isWatched ? 1 : 0);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeWatch(body: Bytes): boolean {
  const [flag] = body;
  if (body.length !== 1 || flag === undefined || flag > 1) throw networkError('PROTOCOL_VIOLATION', 'not a wish to see the pool');
  return flag === 1;
}

export function encodePooled({ raw, sender }: PooledBytes): Bytes {
  const out = new Uint8Array(SENDER_BYTES + raw.length);
  out.set(sender);
  out.set(raw, SENDER_BYTES);
  return out;
}

/** The raw bytes are of a length that a transaction may have, and nothing more is said of them. @throws StrobeError PROTOCOL_VIOLATION */
export function decodePooled(body: Bytes): PooledBytes {
  const bytes = body.length - SENDER_BYTES;
  if (bytes < 1 || bytes > MAX_TRANSACTION_BYTES) throw networkError('PROTOCOL_VIOLATION', 'not a pooled transaction');
  return { sender: body.subarray(0, SENDER_BYTES), raw: body.subarray(SENDER_BYTES) };
}
