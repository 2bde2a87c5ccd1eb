import type { AppliedMiniBlock, IndexedTransaction } from '../../protocol/ports/chain.ts';
import { formatLog } from '../format-receipt.ts';
import { type KeyedLog, keyedLogs, type LogCriteria, LogMatcher } from '../log-criteria.ts';
import type { Subscriber } from '../rpc-caller.ts';
import { type Feed, HeldMessages } from './feed.ts';
import { LogIndex } from './log-index.ts';

type Criteria = Pick<LogCriteria, 'addresses' | 'topics'>;

/**
 * Subscribers of logs, found by what a log holds, so that one event costs what matches it and not what is subscribed. A
 * log is encoded once, when the first subscriber matches it.
 */
export class LogSubscribers {
  readonly #index = new LogIndex<Subscriber>();

  add(criteria: Criteria, subscriber: Subscriber): () => void {
    return this.#index.add(criteria, subscriber);
  }

  feed(criteria: Criteria): Feed {
    const matcher = new LogMatcher(criteria);
    const messages = (transactions: readonly IndexedTransaction[], removed: boolean): string[] =>
      keyedLogs(transactions)
        .filter((log) => matcher.matches(log))
        .map((log) => encode(log, removed));
    return {
      join: (subscriber) => this.add(criteria, subscriber),
      replay: ({ transactions }: AppliedMiniBlock) => messages(transactions, false),
      undo: (removed) => messages(removed, true).reverse(),
    };
  }

  /** Pushes the logs of transactions in order; the cursor goes with each subscriber's last. */
  publish(transactions: readonly IndexedTransaction[], cursor?: () => string): void {
    if (this.#index.size === 0) return;
    const held = new HeldMessages();
    for (const log of keyedLogs(transactions)) {
      let json: string | undefined;
      for (const subscriber of this.#index.matching(log)) {
        json ??= encode(log, false);
        held.push(subscriber, json);
      }
    }
    held.flush(cursor);
  }

  /** Pushes the logs of undone transactions, newest first, with `removed: true`. */
  publishRemoved(transactions: readonly IndexedTransaction[]): void {
    if (this.#index.size === 0) return;
    for (const log of keyedLogs(transactions).reverse()) {
      let json: string | undefined;
      for (const { push } of this.#index.matching(log)) {
        json ??= encode(log, true);
        push(json);
      }
    }
  }
}

function encode({ transaction, log, position }: KeyedLog, removed: boolean): string {
  return JSON.stringify(formatLog(transaction, log, position, removed));
}
