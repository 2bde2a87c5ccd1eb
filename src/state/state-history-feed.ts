import type { BlockEnd, StateHistory } from '../protocol/ports/history.ts';
import type { StateView } from '../protocol/ports/state.ts';
import { errorMessage, invariant, isStrobeError, StrobeError } from '../util/errors.ts';
import type { HistoryReach, SharedReach } from './history-reach.ts';
import type { NetRange } from './table/net-range.ts';
import type { StateTable } from './table/state-table.ts';
import type { TableHandle } from './table/table-reader.ts';

/** Blocks whose states can be read from the database; the newest is the last that is stored. */
export interface HistoryExtent {
  readonly oldest: number;
  readonly newest: BlockEnd;
}

/** A block to store: the range of the table that it is, and where it ends. */
export interface AppendRequest {
  readonly handle: TableHandle;
  readonly range: NetRange;
  readonly end: BlockEnd;
}

/** Composes and stores changes beside the core thread; calls run in their order. */
export interface StateHistoryHost {
  /**
   * Stores the changes of the next block; resolves with the oldest block whose state can still be read.
   * @throws StrobeError STATE_FORGOTTEN when the block was undone, or its old values given up
   */
  append(request: AppendRequest): Promise<number>;
  /** Forgets everything and starts at the end of a block. */
  begin(end: BlockEnd): Promise<void>;
  /** Takes away the blocks above this one; resolves as {@link StateHistoryHost.append}. */
  removeAbove(end: BlockEnd): Promise<number>;
}

export interface StateHistoryFeedModules {
  readonly host: StateHistoryHost;
  readonly state: Pick<StateTable, 'retainRange' | 'at' | 'share'>;
  readonly reach: HistoryReach;
  readonly views: { at(blockNumber: number): StateView | undefined };
  readonly logger: { error(fields: object, message: string): void };
}

/** Who can wait does when this many blocks wait, so that a replay does not outrun the old values. */
const MAX_WAITED_FOR = 8;
/** More than old values last for at any pace of sealing; beyond it the disk has stood still for hours. */
const MAX_PENDING = 10_000;

/**
 * Has the changes of sealed blocks stored in their order. Sealing never waits for it: the old values of blocks that wait
 * stay in the state's journal (`retainFrom`). When that gives them up, as its memory is bounded, the history has a gap
 * that nothing fills, and begins anew at the newest block.
 */
export class StateHistoryFeed implements StateHistory {
  readonly #modules: StateHistoryFeedModules;
  /** Rejects when a block could not be stored for another reason; never resolves. */
  readonly failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #stored: BlockEnd;
  readonly #pending: BlockEnd[] = [];
  /** The newest block that the host was told of. */
  #asked: number;
  /** Counts rollbacks: what was asked of the host before one is not taken for an answer. */
  #generation = 0;
  #running: Promise<void> | undefined;
  #removing: Promise<void> | undefined;
  #isStopped = false;
  #waiters: (() => void)[] = [];

  constructor({ oldest, newest }: HistoryExtent, modules: StateHistoryFeedModules) {
    this.#modules = modules;
    this.#stored = newest;
    this.#asked = newest.blockNumber;
    modules.reach.set(oldest, newest.blockNumber);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever runs the node awaits it; until then a rejection is not unhandled.
    this.failed.catch(() => {});
  }

  get oldest(): number | undefined {
    return this.#modules.reach.oldest;
  }

  get retainFrom(): number {
    return this.#stored.lastNumber;
  }

  /** How far the history reaches, for readers in other threads. */
  get sharedReach(): SharedReach {
    return this.#modules.reach.shared;
  }

  /** The newest block that is stored. */
  get newest(): BlockEnd {
    return this.#stored;
  }

  /** Blocks that wait to be stored. */
  get pending(): number {
    return this.#pending.length;
  }

  at(blockNumber: number): StateView | undefined {
    return this.#modules.views.at(blockNumber);
  }

  add(end: BlockEnd): void {
    const before = this.#pending.at(-1) ?? this.#stored;
    // After a restart, and after a rollback, blocks come again that are stored already.
    if (this.#isStopped || end.blockNumber <= before.blockNumber) return;
    invariant(end.blockNumber === before.blockNumber + 1, 'blocks are sealed in their order');
    this.#pending.push(end);
    this.#running ??= this.#run();
  }

  async room(): Promise<void> {
    while (this.#pending.length > MAX_WAITED_FOR && !this.#isStopped) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  rollback(end: BlockEnd): void {
    const { reach } = this.#modules;
    const kept = this.#pending.findIndex(({ blockNumber }) => blockNumber > end.blockNumber);
    if (kept !== -1) this.#pending.length = kept;
    const newest = Math.max(this.#stored.blockNumber, this.#asked);
    if (newest <= end.blockNumber || this.#isStopped) return;
    this.#generation++;
    reach.noteRollback();
    if (this.#pending.length === 0) {
      this.#stored = end;
      reach.set(Math.min(reach.oldest ?? end.blockNumber, end.blockNumber), end.blockNumber);
    }
    this.#asked = end.blockNumber;
    this.#removing = this.#remove(end, this.#generation).catch(this.#fail);
  }

  /** Blocks that were stored before the rollback may have made old ones too old. */
  async #remove(end: BlockEnd, generation: number): Promise<void> {
    const oldest = await this.#modules.host.removeAbove(end);
    if (generation === this.#generation) this.#modules.reach.set(oldest, this.#stored.blockNumber);
  }

  /** Resolves when what waits is stored, and what was undone is removed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#removing;
  }

  async stop(): Promise<void> {
    await this.idle();
    this.#isStopped = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    try {
      for (let end = this.#pending[0]; end !== undefined; end = this.#pending[0]) await this.#store(end);
    } catch (error) {
      this.#isStopped = true;
      this.#modules.logger.error({ err: error }, `the history of the state cannot be written: ${errorMessage(error)}`);
      this.#fail(error);
    } finally {
      this.#running = undefined;
      this.#wake();
    }
  }

  async #store(end: BlockEnd): Promise<void> {
    const generation = this.#generation;
    try {
      if (this.#pending.length > MAX_PENDING) throw new StrobeError('STATE_FORGOTTEN', 'too many blocks wait to be stored');
      const oldest = await this.#append(end);
      if (generation !== this.#generation) return;
      this.#pending.shift();
      this.#advance(end, oldest);
    } catch (error) {
      if (!isStrobeError(error, 'STATE_FORGOTTEN')) throw error;
      // It was undone meanwhile, and is not among those that wait any more.
      if (generation === this.#generation && this.#pending[0] === end) await this.#beginAnew(end, generation);
    }
  }

  async #append(end: BlockEnd): Promise<number> {
    const { state, host } = this.#modules;
    const { range, release } = state.retainRange(this.#stored.lastNumber, end.lastNumber);
    this.#asked = end.blockNumber;
    try {
      return await host.append({ handle: state.share(), range, end });
    } finally {
      release();
    }
  }

  /** At the newest sealed block: those before it are what was lost. */
  async #beginAnew(lost: BlockEnd, generation: number): Promise<void> {
    const { host, reach, logger } = this.#modules;
    const newest = this.#pending.at(-1) ?? lost;
    logger.error(
      { fromBlock: reach.oldest, toBlock: this.#stored.blockNumber, beginsAtBlock: newest.blockNumber },
      'old values were given up before they were stored: the history of the state begins anew',
    );
    reach.clear();
    this.#asked = newest.blockNumber;
    await host.begin(newest);
    if (generation !== this.#generation) return;
    this.#pending.splice(0, this.#pending.indexOf(newest) + 1);
    this.#advance(newest, newest.blockNumber);
  }

  #advance(end: BlockEnd, oldest: number): void {
    this.#stored = end;
    this.#modules.reach.set(oldest, end.blockNumber);
    if (this.#pending.length <= MAX_WAITED_FOR) this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
