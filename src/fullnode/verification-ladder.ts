import { encodeAttestation } from '../protocol/attestation.ts';
import { hashHeader } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import type { AttestationBoard } from './attestation-board.ts';
import type { ProverAttestation } from './attestation-result.ts';
import type { EvidenceContext } from './evidence/evidence.ts';
import type { EvidenceCollector } from './evidence/evidence-collector.ts';
import type { ProverEvidence } from './evidence/prover-evidence.ts';
import type { HaltSwitch } from './halt-switch.ts';
import type { WrongBlock } from './reexecution-sampler.ts';
import type { ReplicaChain } from './replica-chain.ts';
import { wrongSealMessage } from './seal-rules.ts';
import type { SealedBlock, SealedBlocks } from './sealed-blocks.ts';
import type { FaultRule } from './sequencer-fault.ts';

export interface VerificationLadderModules {
  readonly chain: Pick<ReplicaChain, 'markSafe'>;
  readonly writer: Pick<ChainReader & ChainWriter, 'markRootVerified' | 'safeNumber'>;
  readonly sealedBlocks: Pick<SealedBlocks, 'get'>;
  readonly board: AttestationBoard;
  readonly halt: HaltSwitch;
  readonly collector: EvidenceCollector;
  readonly proverEvidence: Pick<ProverEvidence, 'onSafe'>;
  /** A seal was found wrong, and the evidence at `position` lacks the block's witness. */
  readonly onWrongSeal: (position: number, seal: BlockSeal) => void;
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
      const messages = attestations.map(encodeAttestation);
      const block = await this.#modules.sealedBlocks.get(attestation.attestation.blockNumber);
      const proof = block === undefined ? {} : await this.#modules.collector.ofAttestations(block);
      // With both results attested nobody knows which one is right; undoing ours would be taking a side.
      await halt.halt({ rule, message, messages, proof, undo: rule === 'PROVERS_DISAGREE' });
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
  async onWrongRoot(block: SealedBlock, reason: string, witness: Bytes): Promise<boolean> {
    const proof = await this.#modules.collector.ofRoot(block, witness);
    return (await this.#refuse(block.seal, 'WRONG_STATE_ROOT', `block ${block.seal.header.number}: ${reason}`, proof)).isCurrent;
  }

  /** A block's net diff is not the one that its seal names; the block may have been undone meanwhile. */
  async onWrongDiffDigest(seal: BlockSeal, netDiff: Bytes): Promise<void> {
    const { collector, onWrongSeal } = this.#modules;
    const message = wrongSealMessage(seal.header.number, 'stateDiffDigest');
    const { position } = await this.#refuse(seal, 'WRONG_SEAL', message, await collector.ofDiff(seal, netDiff));
    if (position !== undefined) onWrongSeal(position, seal);
  }

  /** Executing the block again gave something else than the sequencer signed; it may have been undone meanwhile. */
  async onWrongExecution({ block, reasons, miniBlocks, witness }: WrongBlock): Promise<void> {
    const { number } = block.seal.header;
    const isSafe = number <= (this.#modules.writer.safeNumber() ?? 0);
    const what = `block ${number}, executed again: ${reasons.join('; ')}`;
    // A safe block is never undone; whoever reads this has to know that this node still serves it.
    const message = isSafe ? `${what}. Enough provers attested it, so it is safe here and stays` : what;
    const proof = await this.#modules.collector.ofExecution(block, miniBlocks, witness);
    await this.#refuse(block.seal, 'WRONG_EXECUTION', message, proof);
  }

  /** Halts for a sealed block, unless it was undone. */
  async #refuse(
    seal: BlockSeal,
    rule: FaultRule,
    message: string,
    proof: EvidenceContext,
  ): Promise<{ readonly isCurrent: boolean; readonly position: number | undefined }> {
    if (!(await this.#isCurrent(seal))) return { isCurrent: false, position: undefined };
    const messages = [encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal })];
    return { isCurrent: true, position: await this.#modules.halt.halt({ rule, message, messages, proof, undo: true }) };
  }

  async #isCurrent({ header }: BlockSeal): Promise<boolean> {
    const current = await this.#modules.sealedBlocks.get(header.number);
    return current !== undefined && bytesEqual(current.hash, hashHeader(header));
  }

  async #advanceSafe(): Promise<void> {
    const safe = await this.#modules.board.nextSafe();
    if (safe === undefined) return;
    await this.#modules.chain.markSafe(safe);
    await this.#modules.proverEvidence.onSafe(safe);
  }
}
