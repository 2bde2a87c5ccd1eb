import type { Block, IndexedLog, LogFilter, LogPage, OpenBlock } from '../protocol/ports/chain.ts';
import { StrobeError } from '../util/errors.ts';
import type { BlockReader } from './block-reader.ts';
import { type BlockRepository, historyPruned } from './block-repository.ts';
import { LogMatcher, matchingLogs } from './log-filter.ts';
import type { LogIndexReader } from './log-index/log-index-reader.ts';
import type { RecentBlocks } from './recent-blocks.ts';

export interface LogLimits {
  /** Most blocks that one query may span. */
  readonly maxLogBlocks: number;
  /** Most logs that one query may return. */
  readonly maxLogs: number;
}

export interface LogSearchModules {
  readonly blocks: BlockRepository;
  readonly reader: BlockReader;
  readonly recent: RecentBlocks;
  readonly index: LogIndexReader | undefined;
}

/** What a search sees: taken in one turn, so that a block sealed meanwhile is seen once. */
export interface LogScope {
  readonly head: number;
  readonly openBlock: OpenBlock | undefined;
}

/**
 * Finds logs: in memory, then in stored blocks by the index, and where it does not reach (or the filter names nothing)
 * by the blooms of headers, which tell nothing of full blocks any more.
 */
export class LogSearch {
  readonly #limits: LogLimits;
  readonly #modules: LogSearchModules;

  constructor(limits: LogLimits, modules: LogSearchModules) {
    this.#limits = limits;
    this.#modules = modules;
  }

  /** @throws StrobeError INVALID_BLOCK_RANGE, LOG_RANGE_TOO_LARGE, TOO_MANY_LOGS, HISTORY_PRUNED */
  async search(filter: LogFilter, { head, openBlock }: LogScope): Promise<IndexedLog[]> {
    const from = firstBlockOf(filter);
    const last = Math.min(filter.toBlock, head);
    const { maxLogBlocks, maxLogs } = this.#limits;
    if (last - from >= maxLogBlocks) {
      throw new StrobeError('LOG_RANGE_TOO_LARGE', `exceed maximum block range: ${maxLogBlocks}`, { maxLogBlocks });
    }
    const logs: IndexedLog[] = [];
    const add = (found: readonly IndexedLog[]): void => {
      if (logs.length + found.length > maxLogs) {
        throw new StrobeError('TOO_MANY_LOGS', `query returned more than ${maxLogs} results`, { maxLogs });
      }
      for (const log of found) logs.push(log);
    };
    const matcher = new LogMatcher(filter);
    for await (const found of this.#sealedLogs(filter, matcher, from, last)) add(found);
    if (openBlock !== undefined && openBlock.env.number >= from && openBlock.env.number <= filter.toBlock) {
      add(matchingLogs(openBlock.transactions, matcher));
    }
    return logs;
  }

  /** See ChainReader.logPage. */
  async page(filter: LogFilter, firstLogIndex: number, head: number): Promise<LogPage> {
    const from = firstBlockOf(filter);
    const end = Math.min(filter.toBlock, head);
    const { maxLogBlocks, maxLogs } = this.#limits;
    const last = Math.min(end, from + maxLogBlocks - 1);
    const logs: IndexedLog[] = [];
    for await (const found of this.#sealedLogs(filter, new LogMatcher(filter), from, last)) {
      for (const log of found) {
        const { blockNumber } = log.transaction;
        const logIndex = log.transaction.firstLogIndex + log.position;
        if (blockNumber === from && logIndex < firstLogIndex) continue;
        if (logs.length === maxLogs) return { logs, next: { blockNumber, logIndex } };
        logs.push(log);
      }
    }
    return { logs, next: last < end ? { blockNumber: last + 1, logIndex: 0 } : undefined };
  }

  /** Matching logs of sealed blocks in chain order, a block or less at a time. */
  async *#sealedLogs(filter: LogFilter, matcher: LogMatcher, from: number, last: number): AsyncGenerator<IndexedLog[]> {
    const recent = this.#recentBlocks(from, last);
    const firstRecent = recent[0]?.header.number ?? last + 1;
    yield* this.#storedLogs(filter, matcher, Math.max(from, 1), firstRecent - 1);
    for (const { header, transactions } of recent) {
      if (matcher.mayMatch(header.logsBloom)) yield matchingLogs(transactions, matcher);
    }
  }

  /** The blocks of the range that are in memory; they may leave it while older ones are read. */
  #recentBlocks(from: number, last: number): Block[] {
    const { recent } = this.#modules;
    const blocks: Block[] = [];
    for (let number = Math.max(from, recent.oldest() ?? last + 1); number <= last; number++) {
      const found = recent.block(number);
      if (found !== undefined) blocks.push(found.block);
    }
    return blocks;
  }

  /** Block 0 is not stored and has no logs. */
  async *#storedLogs(filter: LogFilter, matcher: LogMatcher, first: number, last: number): AsyncGenerator<IndexedLog[]> {
    if (first > last) return;
    const { blocks, index } = this.#modules;
    const oldest = await blocks.oldest();
    if (first < oldest && oldest > 1) throw historyPruned(oldest);
    const indexed = index?.covers(filter, first, last);
    if (index === undefined || indexed === undefined) {
      yield* this.#byBloom(matcher, first, last);
      return;
    }
    yield* this.#byBloom(matcher, first, indexed.first - 1);
    for await (const { blockNumber, miniBlocks } of index.candidates(filter, indexed)) {
      const record = await blocks.record(blockNumber);
      if (record === undefined && (await blocks.isPruned(blockNumber))) throw historyPruned(await blocks.oldest());
      const transactions = record && (await this.#modules.reader.transactionsIn(record, miniBlocks));
      // Undone meanwhile: there are no such logs any more.
      if (transactions !== undefined) yield matchingLogs(transactions, matcher);
    }
    yield* this.#byBloom(matcher, indexed.last + 1, last);
  }

  async *#byBloom(matcher: LogMatcher, first: number, last: number): AsyncGenerator<IndexedLog[]> {
    if (first > last) return;
    for await (const record of this.#modules.blocks.records(first, last)) {
      if (!matcher.mayMatch(record.seal.header.logsBloom)) continue;
      const block = await this.#modules.reader.blockOf(record);
      if (block !== undefined) yield matchingLogs(block.transactions, matcher);
    }
  }
}

/** @throws StrobeError INVALID_BLOCK_RANGE */
function firstBlockOf({ fromBlock, toBlock }: LogFilter): number {
  if (fromBlock > toBlock) throw new StrobeError('INVALID_BLOCK_RANGE', 'invalid block range params');
  return Math.max(fromBlock, 0);
}
