import type { Bytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { type Attestation, attestationDigest, decodeAttestation, PROOF_TYPE_REEXECUTION } from './attestation.ts';
import type { ChainIdentity } from './genesis.ts';
import type { Address, Hash } from './primitives.ts';
import { type CheckedMessage, checkSigner, decodeHostile, isRefusal, refused } from './validate-common.ts';
import { ACCEPT, ignore } from './verdict.ts';

/** What a node knows when it judges an attestation. */
export interface AttestationContext {
  readonly identity: ChainIdentity;
  readonly provers: readonly Address[];
  /** Blocks outside of these bounds, both inclusive, are of no use. */
  readonly oldestBlock: number;
  readonly newestBlock: number;
  /** True when exactly these bytes were judged before; `id` is their keccak256. */
  isKnown(id: Hash): boolean;
  isExcluded(prover: Address): boolean;
}

export interface AuthenticAttestation {
  readonly attestation: Attestation;
  readonly prover: Address;
  /** keccak256 of the bytes. */
  readonly id: Hash;
}

/** Judges an attestation by signature and position alone; whether it agrees with the block is the chain's to say. */
export function validateAttestation(bytes: Bytes, context: AttestationContext): CheckedMessage<AuthenticAttestation> {
  const attestation = decodeHostile(bytes, decodeAttestation);
  if (isRefusal(attestation)) return attestation;
  const id = keccak256(bytes);
  if (context.isKnown(id)) return refused(ignore('KNOWN'));
  if (attestation.blockNumber < context.oldestBlock) return refused(ignore('OLD'));
  const digest = attestationDigest(attestation, context.identity);
  const signed = checkSigner(digest, attestation.signature, context.provers);
  if (isRefusal(signed)) return signed;
  const message = { attestation, prover: signed.signer, id };
  if (context.isExcluded(signed.signer)) return { verdict: ignore('EXCLUDED_PROVER'), message };
  // A newer node may understand it; the prover is allowed, so no peer is to blame.
  if (attestation.proofType !== PROOF_TYPE_REEXECUTION) return { verdict: ignore('UNKNOWN_PROOF_TYPE'), message };
  if (attestation.blockNumber > context.newestBlock) return { verdict: ignore('TOO_EARLY'), message };
  return { verdict: ACCEPT, message };
}
