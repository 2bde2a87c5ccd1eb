import type { AppliedMiniBlock, IndexedTransaction } from '../../protocol/ports/chain.ts';
import { formatFlashblockTransaction } from '../format-flashblock.ts';
import { keyedLogs, type LogCriteria, LogMatcher } from '../log-criteria.ts';
import type { Subscriber } from '../rpc-caller.ts';
import { type Feed, HeldMessages } from './feed.ts';
import { LogIndex } from './log-index.ts';

type Criteria = Pick<LogCriteria, 'addresses' | 'topics'>;

/** Base's `newFlashblockTransactions` with a log filter: transactions of which a log matches, with all of their logs. */
export class FilteredTransactions {
  readonly #index = new LogIndex<Subscriber>();

  feed(criteria: Criteria): Feed {
    const matcher = new LogMatcher(criteria);
    const matches = (indexed: IndexedTransaction): boolean => keyedLogs([indexed]).some((log) => matcher.matches(log));
    return {
      join: (subscriber) => this.#index.add(criteria, subscriber),
      replay: ({ transactions }: AppliedMiniBlock) => transactions.filter(matches).map(encode),
      undo: () => [],
    };
  }

  publish({ transactions }: AppliedMiniBlock, cursor: () => string): void {
    if (this.#index.size === 0) return;
    const held = new HeldMessages();
    for (const indexed of transactions) {
      const matched = new Set<Subscriber>();
      for (const log of keyedLogs([indexed])) for (const subscriber of this.#index.matching(log)) matched.add(subscriber);
      if (matched.size === 0) continue;
      const json = encode(indexed);
      for (const subscriber of matched) held.push(subscriber, json);
    }
    held.flush(cursor);
  }
}

function encode(indexed: IndexedTransaction): string {
  return JSON.stringify(formatFlashblockTransaction(indexed));
}
