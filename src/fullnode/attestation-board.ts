import type { Attestation } from '../protocol/attestation.ts';
import { agreesWith } from '../protocol/attestation-agreement.ts';
import type { BlockStatus, ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { Address } from '../protocol/primitives.ts';
import { bytesEqual, toKey } from '../util/bytes.ts';
import { type ProverAttestation, resultKey } from './attestation-result.ts';
import type { EvidenceStore } from './evidence/evidence-store.ts';
import type { ProverEvidence } from './evidence/prover-evidence.ts';
import type { AttestationOutcome, FullNodeMetrics } from './full-node-metrics.ts';
import type { SealedBlocks } from './sealed-blocks.ts';

export interface AttestationBoardOptions {
  readonly provers: readonly Address[];
  /** How many provers must agree. */
  readonly threshold: number;
  /** Blocks above the head whose attestations are kept until their seal is here. */
  readonly blockWindow: number;
}

export interface AttestationBoardModules {
  readonly chain: Pick<ChainReader & ChainWriter, 'head' | 'safeNumber' | 'blockStatus' | 'addAttestation'>;
  readonly sealedBlocks: Pick<SealedBlocks, 'get' | 'isRetired'>;
  readonly evidence: Pick<EvidenceStore, 'excludedProvers'>;
  readonly proverEvidence: Pick<ProverEvidence, 'exclude'>;
  readonly metrics: FullNodeMetrics;
}

/** Why provers make this node stop. */
export interface ProverConflict {
  readonly rule: 'CONFLICTING_RESULTS' | 'PROVERS_DISAGREE';
  readonly message: string;
  readonly attestations: readonly Attestation[];
}

/** Blocks for which differing results and waiting attestations are remembered: more than provers are ever apart. */
const MAX_REMEMBERED_BLOCKS = 256;

/** A prover's word for another result than this node's. */
interface OtherResult {
  readonly attestation: Attestation;
  /** Of another block with the same number: it may be one of an epoch whose start has not arrived yet. */
  readonly isOfOtherBlock: boolean;
}

/**
 * Weighs what provers say against this node's own blocks (PROTOCOL section 7): agreeing attestations are stored,
 * a prover that differs about a block is excluded, and enough provers that differ in the same way stop the node.
 */
export class AttestationBoard {
  readonly #options: AttestationBoardOptions;
  readonly #modules: AttestationBoardModules;
  /** By block and prover: the newest attestation of a block that is not, or not in this form, sealed here. */
  readonly #waiting = new Map<number, Map<string, ProverAttestation>>();
  /** By block and prover: the first one. */
  readonly #others = new Map<number, Map<string, OtherResult>>();

  constructor(options: AttestationBoardOptions, modules: AttestationBoardModules) {
    this.#options = options;
    this.#modules = modules;
  }

  isExcluded(prover: Address): boolean {
    return this.#modules.evidence.excludedProvers().some((excluded) => bytesEqual(excluded, prover));
  }

  /** Takes in an authentic attestation; a conflict that it causes is the caller's to act on. */
  async add({ attestation, prover }: ProverAttestation): Promise<ProverConflict | undefined> {
    const { sealedBlocks, metrics } = this.#modules;
    if (this.isExcluded(prover)) return this.#record('excluded');
    if (sealedBlocks.isRetired(attestation.blockHash)) return this.#record('retired');
    const block = await sealedBlocks.get(attestation.blockNumber);
    if (block === undefined) return this.#keepWaiting({ attestation, prover });
    if (!bytesEqual(attestation.blockHash, block.hash)) {
      this.#keepWaiting({ attestation, prover });
      this.#noteOther({ attestation, isOfOtherBlock: true }, prover);
    } else if (!agreesWith(attestation, block)) {
      this.#noteOther({ attestation, isOfOtherBlock: false }, prover);
      await this.#modules.proverEvidence.exclude(attestation, prover, block);
      metrics.recordAttestation('disagrees');
    } else {
      if (await this.#isStored(attestation.blockNumber, prover)) return this.#record('known');
      await this.#modules.chain.addAttestation(attestation, prover);
      metrics.recordAttestation('agrees');
    }
    return this.#conflict(attestation.blockNumber);
  }

  #record(outcome: AttestationOutcome): undefined {
    this.#modules.metrics.recordAttestation(outcome);
  }

  async #isStored(blockNumber: number, prover: Address): Promise<boolean> {
    const status = await this.#modules.chain.blockStatus(blockNumber);
    return status?.attestedBy.some((attester) => bytesEqual(attester, prover)) ?? false;
  }

  #keepWaiting(early: ProverAttestation): undefined {
    const { blockNumber } = early.attestation;
    if (blockNumber > this.#modules.chain.head().header.number + this.#options.blockWindow) return;
    const ofBlock = this.#waiting.get(blockNumber) ?? new Map<string, ProverAttestation>();
    this.#waiting.set(blockNumber, ofBlock.set(toKey(early.prover), early));
    forgetLowest(this.#waiting);
    this.#record('waiting');
  }

  /** The attestations that waited for this block's seal. */
  takeWaiting(blockNumber: number): readonly ProverAttestation[] {
    const ofBlock = this.#waiting.get(blockNumber);
    this.#waiting.delete(blockNumber);
    return ofBlock === undefined ? [] : [...ofBlock.values()];
  }

  /**
   * An epoch began or blocks were undone: forgets what was said of blocks above `blockNumber`, since nobody can tell
   * whether it was of the given-up ones. Peers repeat what is true of their successors.
   */
  forgetAbove(blockNumber: number): void {
    for (const byBlock of [this.#others, this.#waiting]) {
      for (const number of byBlock.keys()) if (number > blockNumber) byBlock.delete(number);
    }
  }

  #noteOther(other: OtherResult, prover: Address): void {
    const { blockNumber } = other.attestation;
    const byProver = this.#others.get(blockNumber) ?? new Map<string, OtherResult>();
    const key = toKey(prover);
    // What it says about the block itself outweighs what it says about another one.
    if (byProver.get(key)?.isOfOtherBlock ?? true) byProver.set(key, other);
    this.#others.set(blockNumber, byProver);
    forgetLowest(this.#others);
  }

  async #conflict(blockNumber: number): Promise<ProverConflict | undefined> {
    const others = this.#others.get(blockNumber);
    if (others === undefined) return undefined;
    const { threshold } = this.#options;
    const status = await this.#modules.chain.blockStatus(blockNumber);
    const attesters = new Set((status?.attestedBy ?? []).map(toKey));
    const agreeing = attesters.size;
    // Who has ours too saw the other block given up by an epoch: that is no second opinion.
    const opposed = [...others].filter(([prover, { isOfOtherBlock }]) => !isOfOtherBlock || !attesters.has(prover));
    const results = Map.groupBy(
      opposed.map(([, other]) => other),
      ({ attestation }) => resultKey(attestation),
    );
    for (const result of results.values()) {
      if (result.length < threshold) continue;
      const attestations = result.map(({ attestation }) => attestation);
      const who = `${result.length} provers have another result for block ${blockNumber}`;
      if (agreeing >= threshold) {
        return { rule: 'CONFLICTING_RESULTS', message: `${who}, ${agreeing} have ours`, attestations };
      }
      // With a threshold of one this is the single prover that disagrees, and the chain goes on without it.
      const isAboutOurs = result.every(({ isOfOtherBlock }) => !isOfOtherBlock);
      if (result.length > 1 && isAboutOurs) return { rule: 'PROVERS_DISAGREE', message: who, attestations };
    }
    return undefined;
  }

  /** Highest block up to which every block is proven and attested; undefined when that is the safe block already. */
  async nextSafe(): Promise<number | undefined> {
    const { chain } = this.#modules;
    const safe = chain.safeNumber() ?? 0;
    let next = safe;
    while (next < chain.head().header.number) {
      const status = await chain.blockStatus(next + 1);
      if (status === undefined || !status.rootVerified || !this.#isAttested(status)) break;
      next++;
    }
    return next > safe ? next : undefined;
  }

  /** The block above the safe one, while it lacks attestations. */
  async firstUnattested(): Promise<number | undefined> {
    const { chain } = this.#modules;
    const next = (chain.safeNumber() ?? 0) + 1;
    if (next > chain.head().header.number) return undefined;
    const status = await chain.blockStatus(next);
    return status === undefined || this.#isAttested(status) ? undefined : next;
  }

  #isAttested({ attestedBy }: BlockStatus): boolean {
    return attestedBy.filter((prover) => !this.isExcluded(prover)).length >= this.#options.threshold;
  }
}

function forgetLowest(byBlock: Map<number, unknown>): void {
  if (byBlock.size > MAX_REMEMBERED_BLOCKS) byBlock.delete(Math.min(...byBlock.keys()));
}
