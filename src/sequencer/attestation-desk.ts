import { type AttestedBlock, agreesWith, differingFields } from '../protocol/attestation-agreement.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import { blockHashOf } from '../protocol/sequencer-messages.ts';
import { type AuthenticAttestation, validateAttestation } from '../protocol/validate-attestation.ts';
import type { CheckedMessage } from '../protocol/validate-common.ts';
import type { Verdict } from '../protocol/verdict.ts';
import { type Bytes, toHex, toKey } from '../util/bytes.ts';
import type { SequencerLogger, SequencerMetrics } from './sequencer-modules.ts';

export interface AttestationDeskOptions {
  readonly identity: ChainIdentity;
  readonly genesis: Pick<Genesis, 'provers' | 'threshold'>;
}

export interface AttestationDeskModules {
  readonly chain: ChainReader & ChainWriter;
  readonly logger: SequencerLogger;
  readonly metrics: Pick<SequencerMetrics, 'recordAttestation'>;
}

/** Attestations waiting to be stored; provers repeat theirs, so what is dropped above it comes again. */
const MAX_WAITING = 1_024;

/** Ids and statements of attestations remembered, so that repeats cost no signature check and count once. */
const MAX_KNOWN = 16_384;

/**
 * Collects what provers say of the sequencer's own blocks and moves `safe`: the highest block up to which every block
 * has the threshold of agreeing provers.
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
      oldestBlock: (chain.safeNumber() ?? 0) + 1,
      newestBlock: chain.head().header.number,
      isKnown: (id) => this.#known.has(toKey(id)),
      isExcluded: () => false,
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

  /** Stores what was accepted and moves `safe`, until the signal aborts; rejects when the store fails. */
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
    const { chain, logger, metrics } = this.#modules;
    await chain.addAttestation(attestation, prover);
    const block = await this.#block(attestation.blockNumber);
    if (block === undefined || agreesWith(attestation, block)) return;
    metrics.recordAttestation('DISAGREES');
    const { blockNumber, success } = attestation;
    logger.error(
      { blockNumber, prover: toHex(prover), success, differs: differingFields(attestation, block) },
      'a prover does not agree with a block of this sequencer',
    );
  }

  async #advanceSafe(): Promise<void> {
    const { chain } = this.#modules;
    for (let number = (chain.safeNumber() ?? 0) + 1; number <= chain.head().header.number; number++) {
      const block = await this.#block(number);
      const attestations = await chain.attestations(number);
      const agreeing = block === undefined ? [] : attestations.filter((attestation) => agreesWith(attestation, block));
      if (agreeing.length < this.#options.genesis.threshold) return;
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
