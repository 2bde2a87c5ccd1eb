import type { Attestation } from '../protocol/attestation.ts';
import { attestationDigest, PROOF_TYPE_REEXECUTION } from '../protocol/attestation.ts';
import type { ChainIdentity } from '../protocol/genesis.ts';
import type { ProofTypeName } from '../protocol/proof-types.ts';
import type { Signer } from '../protocol/signing.ts';
import type { BlockJob, ChainRules } from './block-job.ts';
import { reexecuteWithin } from './block-proof.ts';
import { type ReexecutionHost, startReexecutionThread } from './reexecution-host.ts';

/** A signed statement about one block, with what the prover tells its operator. */
export interface Proof {
  readonly attestation: Attestation;
  readonly transactions: number;
  /** What the sequencer got wrong; empty when the prover agrees. */
  readonly reasons: readonly string[];
}

export interface ProofDemand {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Makes proofs of one type (PROTOCOL section 7); how they are checked is in protocol/proof-types.ts. */
export interface ProofMaker {
  /**
   * One block at a time; undefined when the signal aborts first.
   * @throws StrobeError when nothing can be said about the block; REEXECUTION_TIMEOUT and what the maker died of
   */
  prove(job: BlockJob, demand: ProofDemand): Promise<Proof | undefined>;
  stop(): Promise<void>;
  /** Rejects when the maker dies by itself; never resolves. */
  readonly failed: Promise<never>;
}

export interface ProofMakerOptions {
  readonly identity: ChainIdentity;
  readonly rules: ChainRules;
  readonly signer: Signer;
}

/** A type that is listed in protocol/proof-types.ts needs its maker here. */
export const PROOF_MAKERS: Readonly<Record<ProofTypeName, (options: ProofMakerOptions) => ProofMaker>> = {
  reexecution: (options) => createReexecutionMaker(options, startReexecutionThread(options.rules)),
};

/** The stub: a signature of what re-execution gave, and no zero-knowledge proof. */
export function createReexecutionMaker(
  { identity, signer }: Pick<ProofMakerOptions, 'identity' | 'signer'>,
  host: ReexecutionHost,
): ProofMaker {
  return {
    async prove(job, { signal, timeoutMs }) {
      const verdict = await reexecuteWithin(host, job, timeoutMs, signal);
      if (verdict === undefined) return undefined;
      const isGood = verdict.kind === 'agrees';
      const unsigned = { proofType: PROOF_TYPE_REEXECUTION, ...verdict.computed, success: isGood };
      const attestation = { ...unsigned, signature: signer.sign(attestationDigest(unsigned, identity)) };
      return { attestation, transactions: verdict.transactions, reasons: isGood ? [] : verdict.reasons };
    },
    stop: () => host.stop(),
    failed: host.failed,
  };
}
