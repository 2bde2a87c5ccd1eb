import { type Bytes, concatBytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { type Attestation, attestationDigest, decodeAttestation } from './attestation.ts';
import type { ChainIdentity } from './genesis.ts';
import type { Address, Hash } from './primitives.ts';
import { PROOF_VERIFIERS, type ProofVerifiers } from './proof-types.ts';
import { type CheckedMessage, checkSigner, decodeHostile, isRefusal, refused } from './validate-common.ts';
import { ACCEPT, ignore } from './verdict.ts';

/** What a node knows when it judges an attestation. */
export interface AttestationContext {
  readonly identity: ChainIdentity;
  readonly provers: readonly Address[];
  /** Blocks outside of these bounds, both inclusive, are of no use. */
  readonly oldestBlock: number;
  readonly newestBlock: number;
  /** The proof types that this node understands; all that this version has, unless given. */
  readonly proofTypes?: ProofVerifiers;
  /** True for the id of a message, or the statement of a prover, that was judged before. */
  isKnown(idOrStatement: Hash): boolean;
  isExcluded(prover: Address): boolean;
}

export interface AuthenticAttestation {
  readonly attestation: Attestation;
  readonly prover: Address;
  /** keccak256 of the bytes. */
  readonly id: Hash;
  /** The same for the same words of the same prover, however often it signs them: ECDSA signatures differ each time. */
  readonly statement: Hash;
}

/**
 * Judges an attestation by signature and position alone; whether it agrees with the block is the chain's to say. What is
 * malformed or signed by nobody who may is a REJECT; what is late, early, repeated or not understood is an IGNORE.
 */
export function validateAttestation(bytes: Bytes, context: AttestationContext): CheckedMessage<AuthenticAttestation> {
  const attestation = decodeHostile(bytes, decodeAttestation);
  if (isRefusal(attestation)) return attestation;
  const id = keccak256(bytes);
  if (context.isKnown(id)) return refused(ignore('KNOWN'));
  if (attestation.blockNumber < context.oldestBlock) return refused(ignore('OLD'));
  const digest = attestationDigest(attestation, context.identity);
  const signed = checkSigner(digest, attestation.signature, context.provers);
  if (isRefusal(signed)) return signed;
  const prover = signed.signer;
  const message = { attestation, prover, id, statement: keccak256(concatBytes(prover, digest)) };
  if (context.isExcluded(prover)) return { verdict: ignore('EXCLUDED_PROVER'), message };
  const proofType = (context.proofTypes ?? PROOF_VERIFIERS).get(attestation.proofType);
  // A newer node may understand it; the prover is allowed, so no peer is to blame.
  if (proofType === undefined) return { verdict: ignore('UNKNOWN_PROOF_TYPE'), message };
  if (context.isKnown(message.statement)) return { verdict: ignore('DUPLICATE'), message };
  const verdict = proofType.check(attestation);
  if (verdict.kind !== 'accept') return { verdict, message };
  if (attestation.blockNumber > context.newestBlock) return { verdict: ignore('TOO_EARLY'), message };
  return { verdict: ACCEPT, message };
}
