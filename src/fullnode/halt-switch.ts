import { type Bytes, toHex } from '../util/bytes.ts';
import { boundedContext, type EvidenceContext } from './evidence/evidence.ts';
import type { EvidenceStore } from './evidence/evidence-store.ts';
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

  /** Takes up a halt of an earlier process, whose undoing may not have come to its end. */
  async restore(): Promise<void> {
    const { chain, status, evidence, metrics, logger, onHalted } = this.#modules;
    const reason = evidence.halted();
    if (reason === undefined) return;
    status.halt(reason);
    metrics.recordHalted(reason.rule);
    logger.error({ rule: reason.rule }, `still halted: ${reason.message}`);
    if (reason.undo) await chain.undoToSafe();
    onHalted();
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
