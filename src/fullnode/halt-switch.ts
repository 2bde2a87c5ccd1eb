import type { ResumeOrder } from '../protocol/resume-order.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { boundedContext, type EvidenceContext } from './evidence/evidence.ts';
import type { EvidenceStore, HaltReason } from './evidence/evidence-store.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { Clock, FullNodeLogger } from './full-node-options.ts';
import type { ReplicaChain } from './replica-chain.ts';
import type { ReplicaStatus } from './replica-status.ts';

export interface HaltSwitchModules {
  readonly chain: Pick<ReplicaChain, 'undoToSafe'>;
  readonly status: ReplicaStatus;
  readonly evidence: EvidenceStore;
  readonly metrics: FullNodeMetrics;
  readonly logger: FullNodeLogger;
  readonly clock: Clock;
  /** The node is halted and, where that was due, back at the safe block. */
  readonly onHalted: () => void;
}

export interface Halt {
  readonly rule: string;
  readonly message: string;
  /** Signed messages that are held against somebody. */
  readonly messages: readonly Bytes[];
  /** What shows them wrong to somebody else. */
  readonly proof?: EvidenceContext;
  /** Whether blocks above the safe one are to be undone. */
  readonly undo: boolean;
}

/** Stops the node for good: says why, keeps the proof over restarts, and goes back to the safe block. */
export class HaltSwitch {
  readonly #modules: HaltSwitchModules;

  constructor(modules: HaltSwitchModules) {
    this.#modules = modules;
  }

  isHalted(): boolean {
    return this.#modules.status.isHalted();
  }

  /**
   * Takes up a halt of an earlier process, whose undoing may not have come to its end. With the operator's order for just
   * this halt it ends here, and the node goes on from where the halt left it.
   * @param order its signature was checked
   * @throws StrobeError RESUME_OF_ANOTHER_HALT
   */
  async restore(order?: ResumeOrder): Promise<void> {
    const { chain, status, evidence, metrics, logger, onHalted } = this.#modules;
    const reason = evidence.halted();
    if (reason === undefined) {
      if (order !== undefined) logger.warn({}, 'there is nothing to resume from: this node is not halted');
      return;
    }
    if (order !== undefined) {
      return this.#lift(order, reason);
    }
    status.halt(reason);
    metrics.recordHalted(reason.rule);
    logger.error({ rule: reason.rule }, `still halted: ${reason.message}`);
    if (reason.undo) await chain.undoToSafe();
    onHalted();
  }

  async #lift(order: ResumeOrder, reason: HaltReason): Promise<void> {
    const { chain, evidence, logger, clock } = this.#modules;
    const { rule, message } = reason;
    const digest = evidence.haltDigest();
    if (digest === undefined || !bytesEqual(digest, order.haltDigest)) {
      throw new StrobeError('RESUME_OF_ANOTHER_HALT', 'the resume order is not for the halt that this node is in', {
        haltDigest: digest === undefined ? null : toHex(digest),
        ordered: toHex(order.haltDigest),
      });
    }
    if (reason.undo) await chain.undoToSafe();
    await evidence.lift(order, clock.nowUs());
    const reinstated = order.reinstated.map(toHex);
    logger.warn({ rule, haltDigest: toHex(digest), reinstated }, `the operator lifted the halt, which was: ${message}`);
  }

  /** Only the first halt counts. Returns the position of its evidence, when there is room for it. */
  async halt({ rule, message, messages, proof, undo }: Halt): Promise<number | undefined> {
    const { chain, status, evidence, metrics, logger, clock, onHalted } = this.#modules;
    if (status.isHalted()) return undefined;
    const proven = { rule, message, atUs: clock.nowUs() };
    const reason = { ...proven, undo };
    status.halt(reason);
    metrics.recordHalted(rule);
    logger.error({ rule }, `halted: ${message}`);
    const position = await evidence.add({ ...proven, messages: messages.map(toHex), ...boundedContext(proof ?? {}) });
    await evidence.setHalted(reason);
    if (undo) await chain.undoToSafe();
    onHalted();
    return position;
  }
}
