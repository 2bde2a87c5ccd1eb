import { randomBytes } from 'node:crypto';
import type { ChainEvent, ChainReader, IndexedTransaction, LogPosition, TransactionSink } from '../protocol/ports/chain.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { formatIndexedLog, formatLog, type RpcLog } from './format-receipt.ts';
import type { RpcLimits } from './limits.ts';
import { assertRangeKept, type KeyedLog, keyedLogs, type LogCriteria, LogMatcher } from './log-criteria.ts';
import { rpcError } from './rpc-error.ts';

interface FilterBase {
  /** `performance.now()` after which nobody is interested any more. */
  expiresAtMs: number;
}

/** Collects the hashes of blocks or pooled transactions as they come. */
interface HashFilter extends FilterBase {
  readonly kind: 'blocks' | 'pending';
  hashes: Hex[];
}

/** Remembers how far it has been read: its logs are looked up when it is polled, so that it costs nothing in between. */
interface LogFilterState extends FilterBase {
  readonly kind: 'logs';
  readonly criteria: LogCriteria;
  readonly matcher: LogMatcher;
  /** Where the next poll begins: logs before it were handed out. */
  next: LogPosition;
  /** Logs that were handed out and then undone. */
  removed: RpcLog[];
  /** Counts rollbacks: logs that were read before one may be undone. */
  rollbacks: number;
  /** Settles when the poll under way does; one after the other, so that each log is handed out once. */
  polling: Promise<unknown>;
}

type Filter = HashFilter | LogFilterState;

type FilterLimits = Pick<RpcLimits, 'maxFilters' | 'filterTtlMs' | 'maxFilterQueue'>;

/** The filters of eth_newFilter and its twins: polled, forgotten when nobody polls them, bounded in number and size. */
export class FilterRegistry {
  readonly #limits: FilterLimits;
  readonly #chain: ChainReader;
  readonly #transactions: TransactionSink;
  readonly #filters = new Map<string, Filter>();
  #stops: (() => void)[] = [];
  /** Ends the flow of pooled transactions, which exists while a filter needs it. */
  #stopPending: (() => void) | undefined;

  constructor(limits: FilterLimits, modules: { chain: ChainReader; transactions: TransactionSink }) {
    this.#limits = limits;
    this.#chain = modules.chain;
    this.#transactions = modules.transactions;
  }

  start(): void {
    const sweep = setInterval(() => this.#dropExpired(), this.#limits.filterTtlMs);
    sweep.unref();
    this.#stops = [() => clearInterval(sweep), this.#chain.subscribe((event) => this.#onEvent(event))];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stopPending?.();
    this.#filters.clear();
  }

  /** @throws StrobeError LIMIT_EXCEEDED */
  addBlockFilter(): string {
    return this.#add({ kind: 'blocks', hashes: [], expiresAtMs: 0 });
  }

  /** @throws StrobeError LIMIT_EXCEEDED */
  addPendingFilter(): string {
    const id = this.#add({ kind: 'pending', hashes: [], expiresAtMs: 0 });
    this.#stopPending ??= this.#transactions.subscribePending(({ hash }) => this.#collect('pending', toHex(hash)));
    return id;
  }

  /** @throws StrobeError LIMIT_EXCEEDED, HISTORY_PRUNED */
  async addLogFilter(criteria: LogCriteria): Promise<string> {
    const next = { blockNumber: this.#chain.head().header.number + 1, logIndex: 0 };
    const matcher = new LogMatcher(criteria);
    const fresh = { removed: [], rollbacks: 0, polling: Promise.resolve(), expiresAtMs: 0 };
    const id = this.#add({ kind: 'logs', criteria, matcher, next, ...fresh });
    try {
      // Installed before anything is waited for: a rollback meanwhile has to find it.
      await assertRangeKept(criteria, this.#chain);
    } catch (error) {
      this.remove(id);
      throw error;
    }
    return id;
  }

  /**
   * What is new since the last poll: hashes or logs; of logs as many as one answer may have, and the next ones with the
   * next poll.
   * @throws StrobeError FILTER_NOT_FOUND, and the codes of ChainReader.logPage
   */
  async changes(id: string): Promise<readonly unknown[]> {
    const filter = this.#get(id);
    if (filter.kind === 'logs') {
      const logs = filter.polling.then(() => this.#newLogs(filter));
      filter.polling = logs.catch(() => {});
      return logs;
    }
    const { hashes } = filter;
    filter.hashes = [];
    return hashes;
  }

  /** @throws StrobeError FILTER_NOT_FOUND also when it is no log filter */
  criteriaOf(id: string): LogCriteria {
    const filter = this.#get(id);
    if (filter.kind !== 'logs') throw notFound();
    return filter.criteria;
  }

  remove(id: string): boolean {
    const isRemoved = this.#filters.delete(id);
    if (isRemoved) this.#stopPendingWhenUnused();
    return isRemoved;
  }

  #add(filter: Filter): string {
    if (this.#filters.size >= this.#limits.maxFilters) this.#dropExpired();
    if (this.#filters.size >= this.#limits.maxFilters) throw rpcError('LIMIT_EXCEEDED', 'too many filters are installed');
    const id = toHex(randomBytes(16)).replace(/^0x0+/, '0x');
    this.#filters.set(id, filter);
    this.#touch(filter);
    return id;
  }

  #get(id: string): Filter {
    const filter = this.#filters.get(id);
    if (filter === undefined || filter.expiresAtMs < performance.now()) throw notFound();
    this.#touch(filter);
    return filter;
  }

  #touch(filter: Filter): void {
    filter.expiresAtMs = performance.now() + this.#limits.filterTtlMs;
  }

  #dropExpired(): void {
    const now = performance.now();
    for (const [id, filter] of this.#filters) if (filter.expiresAtMs < now) this.remove(id);
  }

  #stopPendingWhenUnused(): void {
    for (const { kind } of this.#filters.values()) if (kind === 'pending') return;
    this.#stopPending?.();
    this.#stopPending = undefined;
  }

  #onEvent(event: ChainEvent): void {
    if (event.kind === 'block') this.#collect('blocks', toHex(event.block.hash));
    else if (event.kind === 'rollback') this.#onRollback(event.removed);
  }

  #collect(kind: HashFilter['kind'], hash: Hex): void {
    for (const [id, filter] of this.#filters) {
      if (filter.kind !== kind) continue;
      // A filter that fell this far behind would hand out a gap: better that its owner installs a new one.
      if (filter.hashes.length >= this.#limits.maxFilterQueue) this.remove(id);
      else filter.hashes.push(hash);
    }
  }

  async #newLogs(filter: LogFilterState): Promise<RpcLog[]> {
    const { addresses, topics, fromBlock, toBlock } = filter.criteria;
    const lowest = { blockNumber: fromBlock?.kind === 'number' ? fromBlock.number : 0, logIndex: 0 };
    for (;;) {
      const { rollbacks } = filter;
      const first = isBefore(filter.next, lowest) ? lowest : filter.next;
      const head = this.#chain.head().header.number;
      const last = toBlock?.kind === 'number' ? Math.min(head, toBlock.number) : head;
      if (first.blockNumber > last) return takeRemoved(filter);
      const range = { fromBlock: first.blockNumber, toBlock: last, addresses, topics };
      const page = await this.#chain.logPage(range, first.logIndex);
      // What was read may be undone by now; the chain is read again from where it went back to.
      if (filter.rollbacks !== rollbacks) continue;
      filter.next = page.next ?? { blockNumber: last + 1, logIndex: 0 };
      return [...takeRemoved(filter), ...page.logs.map(formatIndexedLog)];
    }
  }

  /** Blocks without a transaction are undone, too: the head says which are left. */
  #onRollback(removed: readonly IndexedTransaction[]): void {
    const next = { blockNumber: this.#chain.head().header.number + 1, logIndex: 0 };
    const logs = keyedLogs(removed.filter(({ blockHash }) => blockHash !== undefined)).reverse();
    for (const [id, filter] of this.#filters) {
      if (filter.kind !== 'logs') continue;
      filter.rollbacks++;
      const undone = logs.filter((log) => isBefore(positionOf(log), filter.next) && filter.matcher.matches(log));
      filter.removed.push(...undone.map(({ transaction, log, position }) => formatLog(transaction, log, position, true)));
      if (isBefore(next, filter.next)) filter.next = next;
      if (filter.removed.length > this.#limits.maxFilterQueue) this.remove(id);
    }
  }
}

function takeRemoved(filter: LogFilterState): RpcLog[] {
  const { removed } = filter;
  filter.removed = [];
  return removed;
}

function positionOf({ transaction, position }: KeyedLog): LogPosition {
  return { blockNumber: transaction.blockNumber, logIndex: transaction.firstLogIndex + position };
}

function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.blockNumber < b.blockNumber || (a.blockNumber === b.blockNumber && a.logIndex < b.logIndex);
}

function notFound(): Error {
  return rpcError('FILTER_NOT_FOUND', 'filter not found');
}
