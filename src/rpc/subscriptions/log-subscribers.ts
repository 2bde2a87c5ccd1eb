import type { IndexedTransaction } from '../../protocol/ports/chain.ts';
import { formatLog } from '../format-receipt.ts';
import { type KeyedLog, keyedLogs, type LogCriteria, LogMatcher } from '../log-criteria.ts';
import type { Push } from '../rpc-caller.ts';

interface LogSubscriber {
  readonly matcher: LogMatcher;
  readonly push: Push;
}

/**
 * Subscribers of logs, found by the address of a log, so that one event costs what matches it and not what is subscribed.
 * A log is encoded once, when the first subscriber matches it.
 */
export class LogSubscribers {
  readonly #byAddress = new Map<string, Set<LogSubscriber>>();
  readonly #anyAddress = new Set<LogSubscriber>();

  add(criteria: Pick<LogCriteria, 'addresses' | 'topics'>, push: Push): () => void {
    const matcher = new LogMatcher(criteria);
    const subscriber = { matcher, push };
    if (matcher.addresses === undefined) {
      this.#anyAddress.add(subscriber);
      return () => this.#anyAddress.delete(subscriber);
    }
    const addresses = [...matcher.addresses];
    for (const address of addresses) this.#addTo(address, subscriber);
    return () => {
      for (const address of addresses) this.#deleteFrom(address, subscriber);
    };
  }

  /** Pushes the logs of transactions in order. */
  publish(transactions: readonly IndexedTransaction[]): void {
    if (this.#isEmpty()) return;
    for (const log of keyedLogs(transactions)) this.#publishLog(log, false);
  }

  /** Pushes the logs of undone transactions, newest first, with `removed: true`. */
  publishRemoved(transactions: readonly IndexedTransaction[]): void {
    if (this.#isEmpty()) return;
    for (const log of keyedLogs(transactions).reverse()) this.#publishLog(log, true);
  }

  #publishLog(keyed: KeyedLog, removed: boolean): void {
    let json: string | undefined;
    for (const subscribers of [this.#byAddress.get(keyed.addressKey), this.#anyAddress]) {
      if (subscribers === undefined) continue;
      for (const { matcher, push } of subscribers) {
        if (!matcher.matches(keyed)) continue;
        json ??= JSON.stringify(formatLog(keyed.transaction, keyed.log, keyed.position, removed));
        push(json);
      }
    }
  }

  #isEmpty(): boolean {
    return this.#byAddress.size === 0 && this.#anyAddress.size === 0;
  }

  #addTo(address: string, subscriber: LogSubscriber): void {
    const subscribers = this.#byAddress.get(address);
    if (subscribers === undefined) this.#byAddress.set(address, new Set([subscriber]));
    else subscribers.add(subscriber);
  }

  #deleteFrom(address: string, subscriber: LogSubscriber): void {
    const subscribers = this.#byAddress.get(address);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#byAddress.delete(address);
  }
}
