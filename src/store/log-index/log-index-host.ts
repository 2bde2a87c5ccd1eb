import type { Hash } from '../../protocol/primitives.ts';
import { StopFlag } from '../../util/stop-flag.ts';
import { ThreadClient, workerUrl } from '../../util/thread.ts';
import type { IndexedBlocks } from './log-index-database.ts';
import type { LogIndexer } from './log-indexer.ts';

/** What builds the index: the indexer itself in unit tests, a thread with it elsewhere. */
export type LogIndexBuilder = Pick<LogIndexer, 'begin' | 'clear' | 'add' | 'dropBelow'>;

/** What the thread is started with. */
export interface LogIndexThreadData extends LogIndexThreadOptions {
  /** A {@link StopFlag}: the thread is to end. */
  readonly stopping: SharedArrayBuffer;
}

export interface LogIndexThreadOptions {
  /** The index's own directory. */
  readonly directory: string;
  /** The database of the chain; it is open in this process already. */
  readonly chainDirectory: string;
  readonly genesisHash: Hash;
}

export interface AddRequest {
  readonly indexed: IndexedBlocks;
  readonly to: number;
}

/** {@link LogIndexer} in a thread of its own: reading receipts again takes as long as executing simple transfers. */
export class LogIndexThread implements LogIndexBuilder {
  readonly #thread: ThreadClient;
  readonly #stopping = new StopFlag();

  constructor(options: LogIndexThreadOptions) {
    const data: LogIndexThreadData = { ...options, stopping: this.#stopping.shared };
    this.#thread = new ThreadClient(workerUrl('log-index-worker', import.meta.url), data);
  }

  /** Rejects when the thread dies by itself. */
  get failed(): Promise<never> {
    return this.#thread.failed;
  }

  begin(): Promise<IndexedBlocks | undefined> {
    return this.#thread.call('begin', undefined);
  }

  clear(): Promise<void> {
    return this.#thread.call('clear', undefined);
  }

  add(indexed: IndexedBlocks, to: number): Promise<IndexedBlocks> {
    return this.#thread.call('add', { indexed, to } satisfies AddRequest);
  }

  dropBelow(first: number): Promise<void> {
    return this.#thread.call('dropBelow', first);
  }

  /** Has what is under way, and what is asked for later, end with the block in work: many of full size take half a minute. */
  interrupt(): void {
    this.#stopping.raise();
  }

  /** Behind what is under way; databases are closed first, as other threads of the process have them open too. */
  async stop(): Promise<void> {
    await this.#thread.call('close', undefined);
    await this.#thread.stop();
  }
}
