import type { SnapshotSchedule } from '../store/snapshot/snapshot-schedule.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import type { SnapshotMetrics } from './snapshot-metrics.ts';

export interface SnapshotRunnerModules {
  readonly schedule: SnapshotSchedule;
  /** Writes the snapshot of a sealed block. */
  readonly write: (blockNumber: number) => Promise<SnapshotManifest>;
  /** Ends a write that runs. */
  readonly cancel: () => Promise<void>;
  readonly metrics: SnapshotMetrics;
  readonly logger: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** ms of a clock that only goes forward. */
  readonly nowMs?: () => number;
}

/**
 * Has snapshots written in the background when they are due, one at a time.
 *
 * A failed one is logged, counted and tried again later, for as long as it takes; it never ends the node. Nothing is
 * lost without it: the log has every mini-block, is only replayed for longer, and ends the node by itself when the
 * disk is gone for good. A writer thread that dies is another matter: that is the `failed` of its host.
 */
export class SnapshotRunner {
  readonly #modules: Required<SnapshotRunnerModules>;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(modules: SnapshotRunnerModules) {
    this.#modules = { nowMs: () => performance.now(), ...modules };
  }

  /** To be called for everything that goes into the log. */
  noteLogged(bytes: number): void {
    this.#modules.schedule.noteLogged(bytes);
  }

  /** To be called when a block is sealed or `limit`, the newest block that may become a snapshot, has risen. */
  offer(newestSealed: number, limit: number = newestSealed): void {
    const { schedule, nowMs } = this.#modules;
    if (this.#stopped) return;
    const block = schedule.due(newestSealed, limit, nowMs());
    if (block === undefined) return;
    schedule.begin(block);
    this.#running = this.#write(block);
  }

  /** Gives up the one that is being written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#modules.cancel();
    await this.#running;
  }

  async #write(block: number): Promise<void> {
    const { schedule, write, metrics, logger, nowMs } = this.#modules;
    const startedMs = nowMs();
    try {
      const { stateBytes: bytes, chunks } = await write(block);
      schedule.succeed();
      const seconds = (nowMs() - startedMs) / 1_000;
      metrics.recordWritten({ seconds, bytes, blockNumber: block });
      logger.info({ block, bytes, chunks: chunks.length, seconds }, 'a snapshot of the state was written');
    } catch (error) {
      if (this.#stopped) return;
      const retryMs = schedule.fail(nowMs());
      metrics.recordFailed();
      const details = isStrobeError(error) ? { code: error.code, ...error.meta } : { err: error };
      logger.error({ ...details, block, retryMs }, `no snapshot was written: ${errorMessage(error)}`);
    }
  }
}
