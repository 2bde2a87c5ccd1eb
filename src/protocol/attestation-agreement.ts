import { bytesEqual } from '../util/bytes.ts';
import type { Attestation } from './attestation.ts';
import type { Hash } from './primitives.ts';
import type { BlockSeal } from './sequencer-messages.ts';

/** What an attestation speaks about: a sealed block and the state root of the block before it. */
export interface AttestedBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  readonly preStateRoot: Hash;
}

type Result = Pick<
  Attestation,
  'blockHash' | 'preStateRoot' | 'postStateRoot' | 'stateDiffDigest' | 'receiptsRoot' | 'lastMiniBlockDigest'
>;

/** Names the parts of an attestation that are not those of the block; empty when all are. */
export function differingFields(attestation: Result, { seal, hash, preStateRoot }: AttestedBlock): (keyof Result)[] {
  const expected: Result = {
    blockHash: hash,
    preStateRoot,
    postStateRoot: seal.header.stateRoot,
    stateDiffDigest: seal.stateDiffDigest,
    receiptsRoot: seal.header.receiptsRoot,
    lastMiniBlockDigest: seal.lastDigest,
  };
  return (Object.keys(expected) as (keyof Result)[]).filter((field) => !bytesEqual(attestation[field], expected[field]));
}

/** True when a prover came to exactly what the block's seal says, from the state that the block begins with. */
export function agreesWith(attestation: Attestation, block: AttestedBlock): boolean {
  return attestation.success && differingFields(attestation, block).length === 0;
}
