import { type Attestation, attestationDigest, encodeAttestation } from '../protocol/attestation.ts';
import { type AttestedBlock, agreesWith, differingFields } from '../protocol/attestation-agreement.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { Address } from '../protocol/primitives.ts';
import { blockHashOf } from '../protocol/sequencer-messages.ts';
import { type AuthenticAttestation, validateAttestation } from '../protocol/validate-attestation.ts';
import type { CheckedMessage } from '../protocol/validate-common.ts';
import type { Verdict } from '../protocol/verdict.ts';
import { type Bytes, bytesEqual, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { ProverExclusions } from './prover-exclusions.ts';
import type { SequencerLogger, SequencerMetrics } from './sequencer-modules.ts';

export interface AttestationDeskOptions {
  readonly identity: ChainIdentity;
  readonly genesis: Pick<Genesis, 'provers' | 'threshold'>;
}

export interface AttestationDeskModules {
  readonly chain: ChainReader & ChainWriter;
  readonly logger: SequencerLogger;
  readonly metrics: Pick<SequencerMetrics, 'recordAttestation'>;
  readonly exclusions: Pick<ProverExclusions, 'isExcluded' | 'add' | 'list' | 'mostAgainst'>;
}

/** Attestations waiting to be stored; provers repeat theirs, so what is dropped above it comes again. */
const MAX_WAITING = 1_024;

/** Ids and statements of attestations remembered, so that repeats cost no signature check and count once. */
const MAX_KNOWN = 16_384;

/** How far below the safe block a prover's word is still heard: one against it may come late. */
const BLOCK_WINDOW = 64;

/**
 * Collects what provers say of the sequencer's own blocks and moves `safe`: the highest block up to which every block
 * has the threshold of agreeing provers. Who contradicts a block is excluded; a sequencer that enough of them contradict in
 * the same way stops, and does not start again (PROTOCOL section 7).
 */
export class AttestationDesk {
  readonly #options: AttestationDeskOptions;
  readonly #modules: AttestationDeskModules;
  readonly #known = new Set<string>();
  #waiting: AuthenticAttestation[] = [];
  #wake: () => void = () => {};

  constructor(options: AttestationDeskOptions, modules: AttestationDeskModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Judges a gossip message and, when it is accepted, takes it in. */
  receive(bytes: Bytes): Verdict {
    const { verdict, message } = this.#judge(bytes);
    if (message !== undefined && verdict.kind === 'accept' && this.#waiting.length < MAX_WAITING) {
      this.#remember(message);
      this.#waiting.push(message);
      this.#wake();
    }
    return verdict;
  }

  /** Stores what peers kept of blocks that came from them, too, and moves `safe`; passes over what is no good. */
  async takeKept(messages: readonly Bytes[]): Promise<void> {
    for (const bytes of messages) {
      const { verdict, message } = this.#judge(bytes);
      if (message === undefined || verdict.kind !== 'accept') continue;
      this.#remember(message);
      await this.#store(message);
    }
    await this.#advanceSafe();
  }

  #judge(bytes: Bytes): CheckedMessage<AuthenticAttestation> {
    const { identity, genesis } = this.#options;
    const { chain, metrics } = this.#modules;
    const checked = validateAttestation(bytes, {
      identity,
      provers: genesis.provers,
      oldestBlock: Math.max(1, (chain.safeNumber() ?? 0) - BLOCK_WINDOW),
      newestBlock: chain.head().header.number,
      isKnown: (id) => this.#known.has(toKey(id)),
      isExcluded: (prover) => this.#modules.exclusions.isExcluded(prover),
    });
    const { verdict } = checked;
    metrics.recordAttestation(verdict.kind === 'accept' ? 'ACCEPTED' : verdict.code);
    return checked;
  }

  #remember({ id, statement }: AuthenticAttestation): void {
    this.#known.add(toKey(id)).add(toKey(statement));
    for (const oldest of this.#known) {
      if (this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(oldest);
    }
  }

  /**
   * To be called before anything is sequenced: an earlier process may have stopped for it.
   * @throws StrobeError PROVERS_DISAGREE, CONFLICTING_RESULTS
   */
  async assertUncontested(): Promise<void> {
    for (const { blockNumber } of this.#modules.exclusions.list()) await this.#assertUncontested(blockNumber);
  }

  /**
   * Stores what was accepted and moves `safe`, until the signal aborts.
   * @throws StrobeError PROVERS_DISAGREE, CONFLICTING_RESULTS, and what the store throws
   */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort);
    while (!signal.aborted) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const message of batch) await this.#store(message);
      if (batch.length > 0) await this.#advanceSafe();
      if (this.#waiting.length > 0 || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal.removeEventListener('abort', onAbort);
  }

  async #store({ attestation, prover }: AuthenticAttestation): Promise<void> {
    const block = await this.#block(attestation.blockNumber);
    if (block === undefined) return;
    // There is room for one of each prover, and anybody may send again what it said of a block that was given up.
    if (agreesWith(attestation, block)) await this.#modules.chain.addAttestation(attestation, prover);
    else await this.#onDisagreement(attestation, prover, block);
    await this.#assertUncontested(attestation.blockNumber);
  }

  async #onDisagreement(attestation: Attestation, prover: Address, block: AttestedBlock): Promise<void> {
    const { logger, metrics, exclusions } = this.#modules;
    const { blockNumber, success } = attestation;
    metrics.recordAttestation('DISAGREES');
    const differs = differingFields(attestation, block).join();
    logger.error(
      { blockNumber, prover: toHex(prover), success, differs },
      'a prover does not agree with a block of this sequencer',
    );
    // Of another block with this number, which an epoch gave up: that is no word against this one.
    if (!bytesEqual(attestation.blockHash, block.hash)) return;
    const result = attestationDigest(attestation, this.#options.identity);
    await exclusions.add({ prover, blockNumber, result, attestation: encodeAttestation(attestation) });
  }

  /** @throws StrobeError PROVERS_DISAGREE, CONFLICTING_RESULTS */
  async #assertUncontested(blockNumber: number): Promise<void> {
    const { threshold } = this.#options.genesis;
    const against = this.#modules.exclusions.mostAgainst(blockNumber);
    if (against < threshold) return;
    const message = `${against} provers have another result for block ${blockNumber}`;
    const agreeing = await this.#agreeing(blockNumber);
    if (agreeing >= threshold) throw new StrobeError('CONFLICTING_RESULTS', `${message}, ${agreeing} have ours`, { blockNumber });
    // With a threshold of one this is the single prover that disagrees, and the chain goes on without it.
    if (against > 1) throw new StrobeError('PROVERS_DISAGREE', message, { blockNumber });
  }

  /** Provers that came to what the block says and are not excluded. */
  async #agreeing(blockNumber: number): Promise<number> {
    const { chain, exclusions } = this.#modules;
    const attestedBy = (await chain.blockStatus(blockNumber))?.attestedBy ?? [];
    return attestedBy.filter((prover) => !exclusions.isExcluded(prover)).length;
  }

  async #advanceSafe(): Promise<void> {
    const { chain } = this.#modules;
    for (let number = (chain.safeNumber() ?? 0) + 1; number <= chain.head().header.number; number++) {
      if ((await this.#agreeing(number)) < this.#options.genesis.threshold) return;
      await chain.markRootVerified(number);
      await chain.markSafe(number);
    }
  }

  async #block(number: number): Promise<AttestedBlock | undefined> {
    const { chain } = this.#modules;
    const seal = await chain.sealOf(number);
    const parent = number === 1 ? (await chain.blockByNumber(0))?.header : (await chain.sealOf(number - 1))?.header;
    return seal && parent && { seal, hash: blockHashOf(seal), preStateRoot: parent.stateRoot };
  }
}
