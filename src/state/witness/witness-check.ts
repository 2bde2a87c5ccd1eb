import type { Hash } from '../../protocol/primitives.ts';
import { decodeStateDiff } from '../../protocol/state-diff.ts';
import { decodeWitness } from '../../protocol/witness.ts';
import { type Bytes, bytesEqual, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { rootAfter } from './witness-trie.ts';

/** The claim that a witness must prove: this diff leads from one root to the other. */
export interface RootTransition {
  readonly preStateRoot: Hash;
  readonly postStateRoot: Hash;
  /** Canonical bytes of the block's net diff. */
  readonly diffBytes: Bytes;
}

/**
 * Proves a block's root transition from its witness alone: the pre-state root holds the old values, the diff is
 * applied to the partial trie, and the outcome is the post-state root.
 * @throws StrobeError STATE_ROOT_MISMATCH when the witness proves the claim wrong; MISSING_TRIE_NODE,
 * MALFORMED_TRIE_NODE, INVALID_RLP, INVALID_STATE_DIFF, WITNESS_TOO_LARGE when it proves nothing
 */
export function verifyRootTransition(witness: Bytes, claim: RootTransition): void {
  const { nodes } = decodeWitness(witness);
  const root = rootAfter({ bytes: witness, nodes }, claim.preStateRoot, decodeStateDiff(claim.diffBytes));
  if (!bytesEqual(root, claim.postStateRoot)) {
    throw new StrobeError('STATE_ROOT_MISMATCH', 'the diff does not lead to the post-state root', {
      computed: toHex(root),
      claimed: toHex(claim.postStateRoot),
    });
  }
}
