import type { NetDiff, NetDiffComposer } from '../protocol/ports/state.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import type { NetRange } from './table/net-range.ts';
import type { StateTable } from './table/state-table.ts';
import type { TableHandle } from './table/table-reader.ts';

export interface NetDiffRequest {
  readonly handle: TableHandle;
  readonly range: NetRange;
}

/** Composes net diffs of a table beside the core thread, which goes on changing it. */
export class NetDiffThread implements NetDiffComposer {
  readonly #state: StateTable;
  readonly #thread = new ThreadClient(workerUrl('net-diff-worker', import.meta.url));

  constructor(state: StateTable) {
    this.#state = state;
  }

  /** Rejects when the thread dies by itself. */
  get failed(): Promise<never> {
    return this.#thread.failed;
  }

  /** @throws StrobeError STATE_FORGOTTEN, TOO_MANY_RETAINED, THREAD_DIED, THREAD_STOPPED */
  async compose(from: number, to: number): Promise<NetDiff> {
    const { range, release } = this.#state.retainRange(from, to);
    try {
      const request: NetDiffRequest = { handle: this.#state.share(), range };
      return await this.#thread.call('compose', request);
    } finally {
      release();
    }
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }
}
