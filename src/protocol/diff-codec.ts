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
 * How state diffs travel and lie in the log. Both directions work beside the committed state in front of the
 * mini-block, and change nothing in it; decoding gives the same canonical diff that was encoded.
 */
export interface DiffCodec {
  encode(diff: StateDiff, position: DiffPosition): Bytes;
  /** @throws StrobeError COMPACT_DIFF_DIVERGED, INVALID_COMPACT_DIFF, INVALID_PAYLOAD, INVALID_RLP, INVALID_STATE_DIFF */
  decode(payload: Bytes, position: DiffPosition): RowDiff;
  /** keccak256 of the canonical bytes of a diff that was decoded beside the present state. */
  digest(diff: RowDiff): Hash;
}
