import { join } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import type { BlockEnd, StoredReach } from '../protocol/ports/history.ts';
import { HISTORY_BLOCKS } from '../state/chain-state.ts';
import { type HistoryViewModules, HistoryViews } from '../state/historical-state.ts';
import { HistoryReach, type SharedReach } from '../state/history-reach.ts';
import { type HistoryExtent, StateHistoryFeed } from '../state/state-history-feed.ts';
import type { StateTable } from '../state/table/state-table.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { HistoryReader } from '../store/state-history/history-reader.ts';
import { bytesEqual } from '../util/bytes.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type StateHistoryWriting, startStateHistoryThread } from './state-history-thread.ts';

export interface StateHistoryOptions {
  readonly dataDir: string;
  /** Newest blocks whose state can be read. */
  readonly stateHistory: number | 'archive';
}

interface StateHistoryModules {
  readonly store: Pick<ChainStore, 'base' | 'genesisHash' | 'sealedHead' | 'sealOf'>;
  readonly logger: Logger;
  readonly life: Lifecycle;
  /** Where it is written: a thread of its own unless given. */
  readonly startWriting?: typeof startStateHistoryThread;
}

/**
 * Of its own beside the chain's database: another thread writes it, it is large and of no use to anything else, and who
 * does not want it any more removes the folder.
 */
const FOLDER = 'state-history';

export function stateHistoryDirectory(dataDir: string): string {
  return join(dataDir, FOLDER);
}

/** What a thread needs to read a history that the core thread follows; it can be posted there. */
export interface SharedHistory {
  readonly directory: string;
  readonly reach: SharedReach;
}

/**
 * Reads the history from the calling thread.
 * @param own rows of the table as this thread sees it, and states of recent blocks in memory
 * @throws StrobeError DATABASE_FAILED
 */
export async function openSharedHistory(
  { directory, reach }: SharedHistory,
  own: Pick<HistoryViewModules, 'rows' | 'recentAt'>,
): Promise<{ readonly views: HistoryViews; readonly close: () => Promise<void> }> {
  const reader = await HistoryReader.open(directory);
  const views = new HistoryViews({ ...own, oldValues: reader, reach: HistoryReach.attach(reach) });
  return { views, close: () => reader.close() };
}

/** A history on disk, as far as its blocks are those of the chain here. */
export class StoredHistory {
  readonly #writing: StateHistoryWriting;
  readonly #reader: HistoryReader;
  readonly #modules: Pick<StateHistoryModules, 'logger' | 'life'>;
  /** Undefined: nothing that leads to this chain. */
  readonly #extent: HistoryExtent | undefined;

  private constructor(
    parts: { readonly writing: StateHistoryWriting; readonly reader: HistoryReader },
    extent: HistoryExtent | undefined,
    modules: Pick<StateHistoryModules, 'logger' | 'life'>,
  ) {
    this.#writing = parts.writing;
    this.#reader = parts.reader;
    this.#extent = extent;
    this.#modules = modules;
  }

  /**
   * Undefined: what is asked for is in memory.
   * @throws StrobeError LOCKED, DATABASE_FAILED, VERSION_NOT_SUPPORTED
   */
  static async open(
    { dataDir, stateHistory }: StateHistoryOptions,
    { store, logger, life, startWriting = startStateHistoryThread }: StateHistoryModules,
  ): Promise<StoredHistory | undefined> {
    if (stateHistory !== 'archive' && stateHistory <= HISTORY_BLOCKS) return undefined;
    const directory = stateHistoryDirectory(dataDir);
    // In front of the thread that writes, and behind it at the end: see openLevel.
    const reader = await HistoryReader.open(directory);
    life.onStop('state history', () => reader.close());
    const writing = startWriting({ directory, ...(stateHistory === 'archive' ? {} : { keepBlocks: stateHistory }) });
    life.onStop('state history thread', () => writing.close());
    life.watch(writing.failed);
    const reach = await writing.open();
    const newest = reach && (await newestOfChain(reach, reader, store));
    const extent = newest && { oldest: await writing.removeAbove(newest), newest };
    return new StoredHistory({ writing, reader }, extent, { logger, life });
  }

  /** The newest block whose changes are stored. */
  get newest(): number | undefined {
    return this.#extent?.newest.blockNumber;
  }

  /** Goes on from here while the chain does, from the state at `begin`, the end of a block; begins there when it ends below. */
  async follow(state: StateTable, begin: BlockEnd): Promise<StateHistoryFeed> {
    const { logger, life } = this.#modules;
    let extent = this.#extent;
    if (extent === undefined || extent.newest.blockNumber < begin.blockNumber) {
      await this.#writing.begin(begin);
      const { blockNumber: block } = begin;
      if (extent === undefined) logger.info({ block }, 'the history of the state begins');
      else logger.warn({ block, endedAtBlock: extent.newest.blockNumber }, 'the history of the state has a gap and begins anew');
      extent = { oldest: begin.blockNumber, newest: begin };
    }
    const reach = HistoryReach.create();
    const recentAt = (blockNumber: number) =>
      blockNumber === feed.newest.blockNumber ? state.at(feed.newest.lastNumber) : undefined;
    const views = new HistoryViews({ oldValues: this.#reader, rows: state.rowFinder(), reach, recentAt });
    const feed: StateHistoryFeed = new StateHistoryFeed(extent, { host: this.#writing, state, reach, views, logger });
    life.onStop('state history writer', () => feed.stop());
    life.watch(feed.failed);
    return feed;
  }
}

/** A crash, and a chain that was cut, leave blocks that this one does not have. */
async function newestOfChain(
  reach: StoredReach,
  reader: HistoryReader,
  store: StateHistoryModules['store'],
): Promise<BlockEnd | undefined> {
  const lowest = Math.max(reach.oldest, store.base.header.number);
  for (let block = Math.min(reach.newest, store.sealedHead().header.number); block >= lowest; block--) {
    const end = reader.blockEnd(block);
    const digest = block === 0 ? store.genesisHash : (await store.sealOf(block))?.lastDigest;
    if (end !== undefined && digest !== undefined && bytesEqual(end.lastDigest, digest)) return end;
  }
  return undefined;
}
