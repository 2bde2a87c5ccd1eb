import type { Attestation } from '../protocol/attestation.ts';
import type { Address } from '../protocol/primitives.ts';
import { toKey } from '../util/bytes.ts';

/** An authentic attestation. */
export interface ProverAttestation {
  readonly attestation: Attestation;
  readonly prover: Address;
}

/** The same for attestations that say the same, whoever signed them. */
export function resultKey(attestation: Attestation): string {
  const parts = [
    attestation.blockHash,
    attestation.preStateRoot,
    attestation.postStateRoot,
    attestation.stateDiffDigest,
    attestation.receiptsRoot,
    attestation.lastMiniBlockDigest,
  ];
  return `${attestation.success}:${parts.map(toKey).join(':')}`;
}
