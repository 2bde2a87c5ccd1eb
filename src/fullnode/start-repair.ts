import { errorMessage, type StrobeError } from '../util/errors.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { FullNodeLogger } from './full-node-options.ts';
import { SnapshotJoin, type SnapshotJoinModules, type SnapshotJoinOptions } from './snapshot-sync/snapshot-join.ts';

export interface StartRepairOptions extends SnapshotJoinOptions {
  /** Why this node could not start. */
  readonly failure: StrobeError;
  /** The mini-block at which it failed: for the sake of one a state is replaced once. */
  readonly number: number;
  /** Pause between two rounds of asking peers, ms. */
  readonly askAgainMs?: number;
}

export interface StartRepairModules extends Omit<SnapshotJoinModules, 'onRepairFailed' | 'isHalted'> {
  /** Fetches what the log lost; true when nothing is missing. */
  readonly refill: (signal: AbortSignal) => Promise<boolean>;
  /** Whether anybody is there to ask. */
  readonly hasPeers: () => Promise<boolean>;
  readonly logger: FullNodeLogger;
}

/** They connect one after the other. */
const DEFAULT_ASK_AGAIN_MS = 500;

/**
 * Repairs what a replica cannot start from: its log lacks what its store has, or does not lead from its state to there. What
 * the log lost is fetched from peers; where that does not help, an attested snapshot of theirs takes the place of the
 * state, as it does for a state that mini-blocks cannot be read beside (PROTOCOL section 7).
 */
export class StartRepair {
  readonly #options: StartRepairOptions;
  readonly #modules: StartRepairModules;
  readonly #pause = new Wakeup();
  readonly #join: SnapshotJoin;
  readonly #canTake: boolean;
  /** Since when there have been peers and none of them helped; they may still be joining before. */
  #uselessSinceMs: number | undefined;
  #isTaken = false;
  #isHopeless = false;

  constructor(options: StartRepairOptions, modules: StartRepairModules) {
    this.#options = options;
    this.#modules = modules;
    this.#join = new SnapshotJoin(options, {
      ...modules,
      isHalted: () => false,
      onTaken: (snapshot) => {
        this.#isTaken = true;
        modules.onTaken(snapshot);
        this.#pause.wake();
      },
      onRepairFailed: () => {
        this.#isHopeless = true;
      },
    });
    this.#canTake = this.#join.repair(options.number, `mini-block ${options.number}: ${options.failure.message}`);
  }

  /**
   * Resolves when the node can be wired anew: on a log that has everything again, or on the snapshot that was handed on.
   * @throws StrobeError what the node could not start for, when no peer helps
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const taking = this.#join.run(AbortSignal.any([signal, stop.signal]));
    let takingFailed: unknown;
    taking.catch((error: unknown) => {
      takingFailed = error;
      this.#pause.wake();
    });
    try {
      while (!signal.aborted && !this.#isTaken) {
        if (takingFailed !== undefined) throw takingFailed;
        if (this.#join.progress() === undefined && (await this.#modules.refill(signal))) return;
        if (this.#canTake) await this.#join.allowsRanges(signal);
        if (await this.#isInVain()) throw this.#options.failure;
        await this.#pause.wait(signal, this.#options.askAgainMs ?? DEFAULT_ASK_AGAIN_MS);
      }
    } finally {
      stop.abort();
      await taking.catch((error: unknown) => this.#modules.logger.debug({}, `the search ended: ${errorMessage(error)}`));
    }
  }

  async #isInVain(): Promise<boolean> {
    if (this.#canTake) return this.#isHopeless;
    if (!(await this.#modules.hasPeers())) return false;
    const nowMs = performance.now();
    this.#uselessSinceMs ??= nowMs;
    return nowMs - this.#uselessSinceMs >= this.#options.repairWithinMs;
  }
}
