import { type Attestation, encodeAttestation } from '../protocol/attestation.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { Address } from '../protocol/primitives.ts';
import { type Bytes, bytesEqual, toHex, toKey } from '../util/bytes.ts';
import type { EvidenceStore } from './evidence-store.ts';
import type { AttestationOutcome, FullNodeMetrics } from './full-node-metrics.ts';
import type { Clock, FullNodeLogger } from './full-node-options.ts';
import type { SealedBlock, SealedBlocks } from './sealed-blocks.ts';

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
  readonly evidence: EvidenceStore;
  readonly metrics: FullNodeMetrics;
  readonly logger: FullNodeLogger;
  readonly clock: Clock;
}

/** An authentic attestation. */
export interface ProverAttestation {
  readonly attestation: Attestation;
  readonly prover: Address;
}

/** Why provers make this node stop. */
export interface ProverConflict {
  readonly rule: 'CONFLICTING_RESULTS' | 'PROVERS_DISAGREE';
  readonly message: string;
  readonly attestations: readonly Attestation[];
}

/** Blocks for which differing results are remembered: more than provers are ever apart. */
const MAX_DISPUTED_BLOCKS = 256;

/**
 * Weighs what provers say against this node's own blocks (PROTOCOL section 7): agreeing attestations are stored,
 * a prover that differs is excluded, and enough provers that differ in the same way stop the node.
 */
export class AttestationBoard {
  readonly #options: AttestationBoardOptions;
  readonly #modules: AttestationBoardModules;
  /** By block: attestations that came before the seal, the first of each prover. */
  readonly #early = new Map<number, Map<string, ProverAttestation>>();
  /** By block: differing attestations, by result and prover. */
  readonly #disputes = new Map<number, Map<string, Map<string, Attestation>>>();

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
    if (block === undefined) return this.#record(this.#keepEarly({ attestation, prover }) ? 'early' : 'known');
    if (agrees(attestation, block)) {
      if (await this.#isStored(attestation.blockNumber, prover)) return this.#record('known');
      await this.#modules.chain.addAttestation(attestation, prover);
    } else {
      await this.#dispute(attestation, prover);
    }
    metrics.recordAttestation(agrees(attestation, block) ? 'agrees' : 'disagrees');
    return this.#conflict(attestation.blockNumber);
  }

  #record(outcome: AttestationOutcome): undefined {
    this.#modules.metrics.recordAttestation(outcome);
  }

  async #isStored(blockNumber: number, prover: Address): Promise<boolean> {
    const status = await this.#modules.chain.blockStatus(blockNumber);
    return status?.attestedBy.some((attester) => bytesEqual(attester, prover)) ?? false;
  }

  #keepEarly(early: ProverAttestation): boolean {
    const { blockNumber } = early.attestation;
    const headBlock = this.#modules.chain.head().header.number;
    if (blockNumber <= headBlock || blockNumber > headBlock + this.#options.blockWindow) return false;
    const waiting = this.#early.get(blockNumber) ?? new Map<string, ProverAttestation>();
    const prover = toKey(early.prover);
    if (waiting.has(prover)) return false;
    this.#early.set(blockNumber, waiting.set(prover, early));
    return true;
  }

  /** The attestations that waited for this block's seal. */
  takeEarly(blockNumber: number): readonly ProverAttestation[] {
    const waiting = this.#early.get(blockNumber);
    this.#early.delete(blockNumber);
    return waiting === undefined ? [] : [...waiting.values()];
  }

  /** Forgets what was said about blocks above `blockNumber`: they were undone. */
  forgetAbove(blockNumber: number): void {
    this.#early.clear();
    for (const number of this.#disputes.keys()) if (number > blockNumber) this.#disputes.delete(number);
  }

  async #dispute(attestation: Attestation, prover: Address): Promise<void> {
    const { evidence, logger, clock } = this.#modules;
    const { blockNumber } = attestation;
    const results = this.#disputes.get(blockNumber) ?? new Map<string, Map<string, Attestation>>();
    const result = resultKey(attestation);
    results.set(result, (results.get(result) ?? new Map<string, Attestation>()).set(toKey(prover), attestation));
    this.#disputes.set(blockNumber, results);
    for (const oldest of this.#disputes.keys()) {
      if (this.#disputes.size <= MAX_DISPUTED_BLOCKS) break;
      this.#disputes.delete(oldest);
    }
    const message = `prover ${toHex(prover)} does not agree with block ${blockNumber}`;
    logger.error({ prover: toHex(prover), blockNumber }, `${message} and is excluded`);
    await evidence.add({
      rule: attestation.success ? 'FALSE_SUCCESS' : 'PROVER_DISAGREES',
      message,
      atUs: clock.nowUs(),
      messages: [toHex(encodeAttestation(attestation))],
    });
    await evidence.excludeProver(prover);
  }

  async #conflict(blockNumber: number): Promise<ProverConflict | undefined> {
    const results = this.#disputes.get(blockNumber);
    if (results === undefined) return undefined;
    const { threshold } = this.#options;
    const status = await this.#modules.chain.blockStatus(blockNumber);
    const agreeing = status?.attestedBy.length ?? 0;
    for (const votes of results.values()) {
      if (votes.size < threshold) continue;
      const attestations = [...votes.values()];
      const who = `${votes.size} provers have another result for block ${blockNumber}`;
      if (agreeing >= threshold) {
        return { rule: 'CONFLICTING_RESULTS', message: `${who}, ${agreeing} have ours`, attestations };
      }
      // With a threshold of one this is the single prover that disagrees, and the chain goes on without it.
      if (votes.size > 1) return { rule: 'PROVERS_DISAGREE', message: who, attestations };
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
      if (status === undefined || !status.rootVerified) break;
      const counted = status.attestedBy.filter((prover) => !this.isExcluded(prover));
      if (counted.length < this.#options.threshold) break;
      next++;
    }
    return next > safe ? next : undefined;
  }
}

function agrees(attestation: Attestation, { seal, hash, preStateRoot }: SealedBlock): boolean {
  return (
    attestation.success &&
    bytesEqual(attestation.blockHash, hash) &&
    bytesEqual(attestation.preStateRoot, preStateRoot) &&
    bytesEqual(attestation.postStateRoot, seal.header.stateRoot) &&
    bytesEqual(attestation.stateDiffDigest, seal.stateDiffDigest) &&
    bytesEqual(attestation.receiptsRoot, seal.header.receiptsRoot) &&
    bytesEqual(attestation.lastMiniBlockDigest, seal.lastDigest)
  );
}

/** The same for attestations that say the same. */
function resultKey(attestation: Attestation): string {
  const parts: Bytes[] = [
    attestation.blockHash,
    attestation.preStateRoot,
    attestation.postStateRoot,
    attestation.stateDiffDigest,
    attestation.receiptsRoot,
    attestation.lastMiniBlockDigest,
  ];
  return `${attestation.success}:${parts.map(toKey).join(':')}`;
}
