import { type Attestation, decodeAttestation, encodeAttestation } from '../../protocol/attestation.ts';
import type { Address } from '../../protocol/primitives.ts';
import { fromHex, toHex } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import type { Clock, FullNodeLogger } from '../full-node-options.ts';
import type { SealedBlock, SealedBlocks } from '../sealed-blocks.ts';
import { boundedContext, type Evidence } from './evidence.ts';
import type { EvidenceCollector } from './evidence-collector.ts';
import type { EvidenceStore } from './evidence-store.ts';

export interface ProverEvidenceModules {
  readonly evidence: EvidenceStore;
  readonly collector: Pick<EvidenceCollector, 'ofAttestations'>;
  readonly sealedBlocks: Pick<SealedBlocks, 'get'>;
  readonly logger: FullNodeLogger;
  readonly clock: Clock;
}

const RULES: readonly string[] = ['FALSE_SUCCESS', 'PROVER_DISAGREES'];

/**
 * Keeps the proof against a prover. Its word alone is one voice against the sequencer's: the attestations that contradict
 * it often come later, and are added when the block is safe.
 */
export class ProverEvidence {
  readonly #modules: ProverEvidenceModules;
  /** Block number by position in the store, of the evidence that waits for its block to be safe. */
  readonly #waiting = new Map<number, number>();

  constructor(modules: ProverEvidenceModules) {
    this.#modules = modules;
    for (const [position, evidence] of modules.evidence.list().entries()) {
      const blockNumber = RULES.includes(evidence.rule) ? blockNumberOf(evidence) : undefined;
      if (blockNumber !== undefined) this.#waiting.set(position, blockNumber);
    }
  }

  /** A prover has another result for a block that is sealed here: it is excluded. */
  async exclude(attestation: Attestation, prover: Address, block: SealedBlock): Promise<void> {
    const { evidence, collector, logger, clock } = this.#modules;
    const { blockNumber, success } = attestation;
    const message = `prover ${toHex(prover)} does not agree with block ${blockNumber}`;
    logger.error({ prover: toHex(prover), blockNumber }, `${message} and is excluded`);
    const position = await evidence.add({
      rule: success ? 'FALSE_SUCCESS' : 'PROVER_DISAGREES',
      message,
      atUs: clock.nowUs(),
      messages: [toHex(encodeAttestation(attestation))],
      ...boundedContext(await collector.ofAttestations(block)),
    });
    if (position !== undefined) this.#waiting.set(position, blockNumber);
    await evidence.excludeProver(prover);
  }

  /** Blocks up to `safe` have their attestations now. */
  async onSafe(safe: number): Promise<void> {
    const { evidence, collector, sealedBlocks } = this.#modules;
    for (const [position, blockNumber] of this.#waiting) {
      if (blockNumber > safe) continue;
      this.#waiting.delete(position);
      const block = await sealedBlocks.get(blockNumber);
      const known = evidence.list()[position];
      if (block === undefined || known === undefined) continue;
      await evidence.replace(position, { ...known, ...boundedContext(await collector.ofAttestations(block)) });
    }
  }
}

function blockNumberOf({ messages: [attestation] }: Evidence): number | undefined {
  try {
    return attestation === undefined ? undefined : decodeAttestation(fromHex(attestation)).blockNumber;
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}
