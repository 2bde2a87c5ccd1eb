import type { Block, IndexedLog, LogFilter, OpenBlock } from '../protocol/ports/chain.ts';
import { StrobeError } from '../util/errors.ts';
import type { BlockReader } from './block-reader.ts';
import { type BlockRepository, historyPruned } from './block-repository.ts';
import { LogCollector, LogMatcher } from './log-filter.ts';
import type { RecentBlocks } from './recent-blocks.ts';

export interface LogLimits {
  /** Most blocks that one query may span. */
  readonly maxLogBlocks: number;
  /** Most logs that one query may return. */
  readonly maxLogs: number;
}

/** What a search sees: taken in one turn, so that a block sealed meanwhile is seen once. */
export interface LogScope {
  readonly head: number;
  readonly openBlock: OpenBlock | undefined;
}

/** Finds logs: by the header's bloom first, then by scanning the block. */
export class LogSearch {
  readonly #limits: LogLimits;
  readonly #blocks: BlockRepository;
  readonly #reader: BlockReader;
  readonly #recent: RecentBlocks;

  constructor(limits: LogLimits, modules: { blocks: BlockRepository; reader: BlockReader; recent: RecentBlocks }) {
    this.#limits = limits;
    this.#blocks = modules.blocks;
    this.#reader = modules.reader;
    this.#recent = modules.recent;
  }

  /** @throws StrobeError INVALID_BLOCK_RANGE, LOG_RANGE_TOO_LARGE, TOO_MANY_LOGS, HISTORY_PRUNED */
  async search(filter: LogFilter, scope: LogScope): Promise<IndexedLog[]> {
    const from = Math.max(filter.fromBlock, 0);
    if (filter.fromBlock > filter.toBlock) throw new StrobeError('INVALID_BLOCK_RANGE', 'invalid block range params');
    const last = Math.min(filter.toBlock, scope.head);
    const { maxLogBlocks, maxLogs } = this.#limits;
    if (last - from >= maxLogBlocks) {
      throw new StrobeError('LOG_RANGE_TOO_LARGE', `exceed maximum block range: ${maxLogBlocks}`, { maxLogBlocks });
    }
    const collector = new LogCollector(new LogMatcher(filter), maxLogs);
    const recent = this.#recentBlocks(from, last);
    const firstRecent = recent[0]?.header.number ?? last + 1;
    await this.#searchStored(from, firstRecent - 1, collector);
    for (const block of recent) {
      if (collector.matcher.mayMatch(block.header.logsBloom)) collector.add(block.transactions);
    }
    const { openBlock } = scope;
    if (openBlock !== undefined && openBlock.env.number >= from && openBlock.env.number <= filter.toBlock) {
      collector.add(openBlock.transactions);
    }
    return collector.logs;
  }

  /** The blocks of the range that are in memory; they may leave it while older ones are read. */
  #recentBlocks(from: number, last: number): Block[] {
    const blocks: Block[] = [];
    for (let number = Math.max(from, this.#recent.oldest() ?? last + 1); number <= last; number++) {
      const recent = this.#recent.block(number);
      if (recent !== undefined) blocks.push(recent.block);
    }
    return blocks;
  }

  async #searchStored(first: number, last: number, collector: LogCollector): Promise<void> {
    // Block 0 is not stored and has no logs.
    if (Math.max(first, 1) > last) return;
    const oldest = await this.#blocks.oldest();
    if (first < oldest && oldest > 1) throw historyPruned(oldest);
    for await (const record of this.#blocks.records(first, last)) {
      if (!collector.matcher.mayMatch(record.seal.header.logsBloom)) continue;
      collector.add((await this.#reader.blockOf(record)).transactions);
    }
  }
}
