import type { Bytes } from '../util/bytes.ts';
import type { Hash } from './primitives.ts';
import type { RowDiff } from './row-diff.ts';
import type { StateDiff } from './state-diff.ts';

/** Where in the chain a diff stands. */
export interface DiffPosition {
  /** Of the mini-block. */
  readonly number: number;
  readonly parentDigest: Hash;
}

/**
 * How state diffs travel and lie in the log. All of it works beside the committed state in front of the mini-block, and
 * changes nothing in it; decoding gives the same canonical diff that was encoded.
 */
export interface DiffCodec {
  /** Finds the rows of a canonical diff, once for everything that is done with it until it is applied. */
  resolve(diff: StateDiff): RowDiff;
  /** @throws StrobeError INVALID_STATE_DIFF when a value is the same as before, DIFF_TOO_LARGE */
  encode(diff: RowDiff, position: DiffPosition): Bytes;
  /** @throws StrobeError COMPACT_DIFF_DIVERGED, INVALID_COMPACT_DIFF, INVALID_PAYLOAD, INVALID_RLP, INVALID_STATE_DIFF */
  decode(payload: Bytes, position: DiffPosition): RowDiff;
  /** The canonical bytes of a diff that was resolved or decoded beside the present state. */
  canonicalBytes(diff: RowDiff): Bytes;
  /** keccak256 of them. */
  digest(diff: RowDiff): Hash;
}
