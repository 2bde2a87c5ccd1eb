import type { ProverMetrics } from './prover-metrics.ts';
import type { ProverLogger } from './prover-options.ts';

/** Lag that is still called keeping up, blocks. */
export const MAX_READY_LAG = 10;
/** Back below this many blocks a prover has caught up: apart from the other bound, so that a lag between them is no news. */
const CAUGHT_UP_LAG = 2;

export interface LagReportModules {
  readonly metrics: Pick<ProverMetrics, 'recordLag'>;
  readonly logger: ProverLogger;
}

/** Tells how far behind the sequencer a prover is: always as a metric, and in the log when it falls behind and catches up. */
export class LagReport {
  readonly #modules: LagReportModules;
  /** The largest lag since it fell behind; undefined while it keeps up. */
  #worst: number | undefined;

  constructor(modules: LagReportModules) {
    this.#modules = modules;
  }

  /** @param lag sealed blocks that were seen above the newest one that is done */
  update(lag: number, blockNumber: number): void {
    const { metrics, logger } = this.#modules;
    metrics.recordLag(lag);
    if (this.#worst === undefined && lag > MAX_READY_LAG) {
      this.#worst = lag;
      logger.warn({ lag, blockNumber }, `${lag} sealed blocks are not proved yet: this prover falls behind`);
    } else if (this.#worst !== undefined && lag <= CAUGHT_UP_LAG) {
      logger.info({ worstLag: this.#worst, blockNumber }, 'this prover has caught up');
      this.#worst = undefined;
    } else if (this.#worst !== undefined) {
      this.#worst = Math.max(this.#worst, lag);
    }
  }
}
