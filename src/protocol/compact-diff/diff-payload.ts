import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { MAX_DIFF_PAYLOAD_BYTES } from '../limits.ts';
import { unpackPayload } from '../payload.ts';
import { PAYLOAD_COMPACT, PAYLOAD_COMPACT_ZSTD } from './format.ts';

/** A diff's payload after decompression, and which of the two forms it has. */
export interface OpenedPayload {
  readonly compact: boolean;
  readonly content: Bytes;
}

/**
 * Decompresses within bounds.
 * @throws StrobeError INVALID_PAYLOAD
 */
export function openDiffPayload(payload: Bytes): OpenedPayload {
  if (payload.length > MAX_DIFF_PAYLOAD_BYTES) throw new StrobeError('INVALID_PAYLOAD', 'the diff payload is too large');
  const kind = payload[0];
  if (kind === PAYLOAD_COMPACT) return { compact: true, content: payload.subarray(1) };
  if (kind !== PAYLOAD_COMPACT_ZSTD) return { compact: false, content: unpackPayload(payload) };
  // Compressed as the canonical form is, under a kind of its own.
  const relabelled = new Uint8Array(payload);
  relabelled[0] = PAYLOAD_COMPACT_ZSTD - PAYLOAD_COMPACT;
  return { compact: true, content: unpackPayload(relabelled) };
}
