import { packPayload, unpackPayload } from '../../src/protocol/payload.ts';
import { decodeStateDiff, encodeStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import type { Bytes } from '../../src/util/bytes.ts';

/** A diff in the payload form that can be read without a state beside it. */
export function plainDiffPayload(diff: StateDiff): Bytes {
  return packPayload(encodeStateDiff(diff));
}

/** Inverse of {@link plainDiffPayload}. */
export function readPlainDiff(payload: Bytes): StateDiff {
  return decodeStateDiff(unpackPayload(payload));
}
