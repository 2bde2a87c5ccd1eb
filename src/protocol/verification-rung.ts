import type { AttestationPolicy, BlockStatus } from './ports/chain.ts';
import type { Address } from './primitives.ts';

/** The steps of the verification ladder (PROTOCOL section 7), lowest first. */
export type VerificationRung = 'received' | 'signatureVerified' | 'rootVerified' | 'attested' | 'daPosted';

/** The provers that count for a block. */
export function countedProvers({ attestedBy }: BlockStatus, policy: AttestationPolicy): readonly Address[] {
  return attestedBy.filter((prover) => !policy.isExcluded(prover));
}

/** The highest step that a block stands on, all steps below it included. */
export function rungOf(status: BlockStatus, policy: AttestationPolicy): VerificationRung {
  if (!status.signatureVerified) return 'received';
  if (!status.rootVerified) return 'signatureVerified';
  // Block 0 is given by configuration, and nobody attests it.
  const isAttested = status.blockNumber === 0 || countedProvers(status, policy).length >= policy.threshold;
  if (!isAttested) return 'rootVerified';
  return status.daCommitment === undefined ? 'attested' : 'daPosted';
}
