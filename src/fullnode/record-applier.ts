import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError, type StrobeError } from '../util/errors.ts';
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
  /** Mini-blocks may have been undone. */
  readonly onUndone: () => void;
  readonly repair: StateRepair;
}

/** Replaces a state that mini-blocks cannot be read beside. */
export interface StateRepair {
  /**
   * Begins with it for the sake of mini-block `number`; the node is wired anew when it is done.
   * @returns false when that cannot be, or was done for this very mini-block before
   */
  begin(number: number, why: string): boolean;
}

/** A signed mini-block that makes no sense beside the state here. */
interface Unreadable {
  readonly number: number;
  readonly message: string;
  readonly raw: Bytes | undefined;
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
  /** The mini-block that could not be read last: the second time it is no accident. */
  #unreadable: Unreadable | undefined;
  #isUnderRepair = false;

  constructor(modules: RecordApplierModules) {
    this.#modules = modules;
  }

  /** True while nothing may be applied: the node is halted, or its state is about to be replaced. */
  isStopped(): boolean {
    return this.#isUnderRepair || this.#modules.halt.isHalted();
  }

  async applyRun(run: readonly ReceivedMiniBlock[]): Promise<void> {
    if (run.length === 0 || this.isStopped()) return;
    try {
      await this.#modules.chain.applyMiniBlocks(run);
    } catch (error) {
      if (isSequencerFault(error)) await this.#haltOnMiniBlock(error, run);
      else if (isStrobeError(error, 'MINI_BLOCK_NOT_DECODABLE')) await this.#onUnreadable(error, run);
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

  /**
   * Its block is undone and fetched again; when that does not help the state is replaced, and when that cannot be, or did
   * not help either, it is the sequencer that is wrong (PROTOCOL section 7).
   */
  async #onUnreadable({ message, meta }: StrobeError, run: readonly ReceivedMiniBlock[]): Promise<void> {
    const { chain, onUndone, repair, logger } = this.#modules;
    const number = Number(meta['number']);
    const unreadable = { number, message, raw: rawOf(run, number) };
    const isSecondTime = this.#unreadable?.number === number;
    this.#unreadable = unreadable;
    if (!isSecondTime) {
      logger.warn({ number }, `${message}; its block is fetched again`);
      await chain.undoOpenBlock();
      onUndone();
    } else if (repair.begin(number, message)) {
      this.#isUnderRepair = true;
      logger.error({ number }, `${message}, twice; the state of this node is to be replaced by that of a snapshot`);
    } else {
      await this.#haltOnUnreadable(unreadable);
    }
  }

  #haltOnUnreadable({ number, message, raw }: Unreadable): Promise<unknown> {
    return this.#halt('UNDECODABLE', message, [raw], () => this.#modules.collector.ofMiniBlock(number));
  }

  /** Nothing replaces the state: what could not be read is the end. */
  async giveUpRepair(reason: string): Promise<void> {
    const unreadable = this.#unreadable;
    if (!this.#isUnderRepair || unreadable === undefined) return;
    this.#isUnderRepair = false;
    await this.#haltOnUnreadable({ ...unreadable, message: `${unreadable.message}; ${reason}` });
  }

  async applySeal(seal: BlockSeal, bytes: Bytes): Promise<void> {
    if (this.isStopped()) return;
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
    if (this.isStopped()) return 'stale';
    const { chain, onUndone } = this.#modules;
    const isFirst = chain.epoch().number === 0;
    try {
      const outcome = await chain.applyEpochStart(start, bytes);
      if (outcome === 'applied' && !isFirst) onUndone();
      return outcome;
    } catch (error) {
      const { collector } = this.#modules;
      if (isSequencerFault(error)) await this.#halt(error.meta.rule, error.message, [bytes], () => collector.ofSafeBlock());
      else if (isStrobeError(error, 'UNDO_NOT_AVAILABLE')) await this.#onUndoNotAvailable(start, error, bytes);
      else throw error;
      return 'stale';
    }
  }

  /** The epoch's start is not lost: peers give it again when its place is the head. */
  async #onUndoNotAvailable({ lastNumber }: EpochStart, { code, message }: StrobeError, bytes: Bytes): Promise<void> {
    if (await this.#modules.chain.rewind(lastNumber)) this.#isUnderRepair = true;
    else await this.#halt(code, message, [bytes]);
  }

  async onEquivocation({ first, second }: Equivocation): Promise<void> {
    if (this.#modules.halt.isHalted()) return;
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
