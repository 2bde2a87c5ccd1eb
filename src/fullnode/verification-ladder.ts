import { encodeAttestation } from '../protocol/attestation.ts';
import { hashHeader } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { ChainWriter } from '../protocol/ports/chain.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { bytesEqual } from '../util/bytes.ts';
import type { AttestationBoard, ProverAttestation } from './attestation-board.ts';
import type { HaltSwitch } from './halt-switch.ts';
import type { ReplicaChain } from './replica-chain.ts';
import { wrongSealMessage } from './seal-rules.ts';
import type { SealedBlock, SealedBlocks } from './sealed-blocks.ts';
import type { FaultRule } from './sequencer-fault.ts';

export interface VerificationLadderModules {
  readonly chain: Pick<ReplicaChain, 'markSafe'>;
  readonly writer: Pick<ChainWriter, 'markRootVerified'>;
  readonly sealedBlocks: Pick<SealedBlocks, 'get'>;
  readonly board: AttestationBoard;
  readonly halt: HaltSwitch;
}

/**
 * Takes blocks from sealed to safe (PROTOCOL section 7): proven roots and agreeing attestations come in any order, and
 * the safe head follows the unbroken run of blocks that have both. Runs in the work queue.
 */
export class VerificationLadder {
  readonly #modules: VerificationLadderModules;

  constructor(modules: VerificationLadderModules) {
    this.#modules = modules;
  }

  async addAttestation(attestation: ProverAttestation): Promise<void> {
    const { board, halt } = this.#modules;
    if (halt.isHalted()) return;
    const conflict = await board.add(attestation);
    if (conflict !== undefined) {
      const { rule, message, attestations } = conflict;
      // With both results attested nobody knows which one is right; undoing ours would be taking a side.
      await halt.halt({ rule, message, messages: attestations.map(encodeAttestation), undo: rule === 'PROVERS_DISAGREE' });
      return;
    }
    await this.#advanceSafe();
  }

  /** A block was sealed: what provers said of it before can be weighed now. */
  async onSealed(blockNumber: number): Promise<void> {
    for (const attestation of this.#modules.board.takeWaiting(blockNumber)) await this.addAttestation(attestation);
  }

  /** A witness proved the block's root. False: the block was undone meanwhile. */
  async onRootVerified(block: SealedBlock): Promise<boolean> {
    if (this.#modules.halt.isHalted() || !(await this.#isCurrent(block.seal))) return false;
    await this.#modules.writer.markRootVerified(block.seal.header.number);
    await this.#advanceSafe();
    return true;
  }

  /** A witness proved the block's root wrong. False: the block was undone meanwhile. */
  onWrongRoot({ seal }: SealedBlock, reason: string): Promise<boolean> {
    return this.#refuse(seal, 'WRONG_STATE_ROOT', `block ${seal.header.number}: ${reason}`);
  }

  /** A block's net diff is not the one that its seal names. False: the block was undone meanwhile. */
  onWrongDiffDigest(seal: BlockSeal): Promise<boolean> {
    return this.#refuse(seal, 'WRONG_SEAL', wrongSealMessage(seal.header.number, 'stateDiffDigest'));
  }

  async #refuse(seal: BlockSeal, rule: FaultRule, message: string): Promise<boolean> {
    if (!(await this.#isCurrent(seal))) return false;
    const messages = [encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal })];
    await this.#modules.halt.halt({ rule, message, messages, undo: true });
    return true;
  }

  async #isCurrent({ header }: BlockSeal): Promise<boolean> {
    const current = await this.#modules.sealedBlocks.get(header.number);
    return current !== undefined && bytesEqual(current.hash, hashHeader(header));
  }

  async #advanceSafe(): Promise<void> {
    const safe = await this.#modules.board.nextSafe();
    if (safe !== undefined) await this.#modules.chain.markSafe(safe);
  }
}
