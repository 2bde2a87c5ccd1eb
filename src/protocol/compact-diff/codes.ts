import type { Bytes } from '../../util/bytes.ts';
import { decodeStateDiff } from '../state-diff.ts';
import { ByteReader } from './byte-reader.ts';
import { readCodes, readDiffHeader } from './diff-header.ts';
import { openDiffPayload } from './diff-payload.ts';

/**
 * The new codes of a payload of any kind, without state; the rest of it may still be invalid.
 * @throws StrobeError INVALID_PAYLOAD, INVALID_COMPACT_DIFF, INVALID_RLP, INVALID_STATE_DIFF
 */
export function compactDiffCodes(payload: Bytes): readonly Bytes[] {
  const { compact, content } = openDiffPayload(payload);
  if (!compact) return decodeStateDiff(content).codes;
  const reader = new ByteReader(content);
  return readCodes(reader, readDiffHeader(reader).codes);
}
