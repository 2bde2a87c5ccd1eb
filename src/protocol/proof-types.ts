import { type Attestation, PROOF_TYPE_REEXECUTION } from './attestation.ts';
import { ACCEPT, type Verdict } from './verdict.ts';

/**
 * How attestations of one proof type are checked. Whatever the type, a prover of the genesis file signs the statement
 * (PROTOCOL section 7); a type that carries evidence of its own is checked here on top.
 */
export interface ProofVerifier {
  readonly name: string;
  /** Judges an attestation whose signature is good. */
  check(attestation: Attestation): Verdict;
}

/** By the id in `proofType`. */
export type ProofVerifiers = ReadonlyMap<number, ProofVerifier>;

/** The types that this version understands, by the name in settings; the prover's side of each is in proof-makers.ts. */
const PROOF_TYPES = {
  // A signed re-execution: the signature is all there is.
  reexecution: { id: PROOF_TYPE_REEXECUTION, check: () => ACCEPT },
} as const satisfies Record<string, { id: number; check: ProofVerifier['check'] }>;

export type ProofTypeName = keyof typeof PROOF_TYPES;

export const PROOF_TYPE_NAMES = Object.keys(PROOF_TYPES) as [ProofTypeName, ...ProofTypeName[]];

/** How to check them, by the id in `proofType`. */
export const PROOF_VERIFIERS: ProofVerifiers = new Map(
  Object.entries(PROOF_TYPES).map(([name, { id, check }]) => [id, { name, check }]),
);
