import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import type { EvidenceContext } from './evidence/evidence.ts';
import type { EvidenceCollector } from './evidence/evidence-collector.ts';
import type { FullNodeLogger } from './full-node-options.ts';
import type { HaltSwitch } from './halt-switch.ts';
import type { Equivocation } from './position-memory.ts';
import type { ReceivedMiniBlock } from './reorder-buffer.ts';
import type { EpochOutcome, ReplicaChain } from './replica-chain.ts';
import { type FaultRule, isSequencerFault, type SequencerFault } from './sequencer-fault.ts';
import type { VerificationLadder } from './verification-ladder.ts';

export interface RecordApplierModules {
  readonly chain: ReplicaChain;
  readonly halt: HaltSwitch;
  readonly ladder: VerificationLadder;
  readonly collector: EvidenceCollector;
  readonly logger: FullNodeLogger;
  /** A block was sealed. */
  readonly onSealed: () => void;
  /** An epoch took over from another: mini-blocks of the one before may have been undone. */
  readonly onEpoch: () => void;
}

/** A digest in place of a message. */
const DIGEST_BYTES = 32;

/** Faults that only show beside the mini-block before. */
const FAULTS_AGAINST_PARENT: ReadonlySet<FaultRule> = new Set(['WRONG_PARENT', 'WRONG_TIMESTAMP', 'WRONG_POSITION']);

/**
 * Applies authentic records that are due, whether they came by gossip or by range, and acts on what is wrong with
 * them: a fault of the sequencer halts the node with the signed messages as evidence (PROTOCOL section 7).
 */
export class RecordApplier {
  readonly #modules: RecordApplierModules;
  /** The mini-block that could not be decoded last: the second time it is no accident. */
  #undecodable: number | undefined;

  constructor(modules: RecordApplierModules) {
    this.#modules = modules;
  }

  isHalted(): boolean {
    return this.#modules.halt.isHalted();
  }

  async applyRun(run: readonly ReceivedMiniBlock[]): Promise<void> {
    if (run.length === 0 || this.isHalted()) return;
    try {
      await this.#modules.chain.applyMiniBlocks(run);
    } catch (error) {
      if (isSequencerFault(error)) await this.#haltOnMiniBlock(error, run);
      else if (isStrobeError(error, 'MINI_BLOCK_NOT_DECODABLE'))
        await this.#onUndecodable(error.message, Number(error.meta['number']), run);
      else throw error;
    }
  }

  async #haltOnMiniBlock(fault: SequencerFault, run: readonly ReceivedMiniBlock[]): Promise<void> {
    const number = Number(fault.meta['number']);
    const messages = [rawOf(run, number)];
    if (FAULTS_AGAINST_PARENT.has(fault.meta.rule)) {
      messages.unshift(rawOf(run, number - 1) ?? (await this.#modules.chain.rawMiniBlock(number - 1)));
    }
    await this.#halt(fault.meta.rule, fault.message, messages, () => this.#modules.collector.ofMiniBlock(number));
  }

  /** It is dropped and fetched again; there is no snapshot to fall back to when that does not help. */
  async #onUndecodable(message: string, number: number, run: readonly ReceivedMiniBlock[]): Promise<void> {
    if (this.#undecodable === number) {
      await this.#halt('UNDECODABLE', message, [rawOf(run, number)], () => this.#modules.collector.ofMiniBlock(number));
      return;
    }
    this.#undecodable = number;
    this.#modules.logger.warn({ number }, `${message}; it is fetched again`);
  }

  async applySeal(seal: BlockSeal, bytes: Bytes): Promise<void> {
    if (this.isHalted()) return;
    const { chain, ladder, collector, onSealed } = this.#modules;
    try {
      await chain.applySeal(seal, bytes);
    } catch (error) {
      if (!isSequencerFault(error)) throw error;
      await this.#halt(error.meta.rule, error.message, [bytes], () => collector.ofOpenBlock());
      return;
    }
    await ladder.onSealed(seal.header.number);
    onSealed();
  }

  async applyEpochStart(start: EpochStart, bytes: Bytes): Promise<EpochOutcome> {
    if (this.isHalted()) return 'stale';
    const { chain, onEpoch } = this.#modules;
    const isFirst = chain.epoch().number === 0;
    try {
      const outcome = await chain.applyEpochStart(start, bytes);
      if (outcome === 'applied' && !isFirst) onEpoch();
      return outcome;
    } catch (error) {
      const { collector } = this.#modules;
      if (isSequencerFault(error)) await this.#halt(error.meta.rule, error.message, [bytes], () => collector.ofSafeBlock());
      else if (isStrobeError(error, 'UNDO_NOT_AVAILABLE')) await this.#halt(error.code, error.message, [bytes]);
      else throw error;
      return 'stale';
    }
  }

  async onEquivocation({ first, second }: Equivocation): Promise<void> {
    if (this.isHalted()) return;
    // Where only a digest of the first message is remembered, what was applied still has it.
    const whole = first.length > DIGEST_BYTES ? first : ((await this.#modules.collector.rival(second)) ?? first);
    await this.#halt('EQUIVOCATION', 'the sequencer signed two digests for one position', [whole, second]);
  }

  async #halt(
    rule: string,
    message: string,
    messages: readonly (Bytes | undefined)[],
    prove?: () => Promise<EvidenceContext>,
  ): Promise<number | undefined> {
    const known = messages.filter((raw): raw is Bytes => raw !== undefined);
    const proof = prove === undefined ? {} : await this.#gather(prove);
    return this.#modules.halt.halt({ rule, message, messages: known, proof, undo: true });
  }

  /** What cannot be read here keeps no node from halting. */
  async #gather(prove: () => Promise<EvidenceContext>): Promise<EvidenceContext> {
    try {
      return await prove();
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#modules.logger.warn({ code: error.code }, `the evidence will be incomplete: ${error.message}`);
      return {};
    }
  }
}

function rawOf(run: readonly ReceivedMiniBlock[], number: number): Bytes | undefined {
  return run.find(({ miniBlock }) => miniBlock.envelope.number === number)?.bytes;
}
