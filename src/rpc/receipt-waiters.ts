import type { ChainReader, IndexedTransaction } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { toKey } from '../util/bytes.ts';
import { rpcError } from './rpc-error.ts';

/** One wait for one transaction. Always {@link ReceiptWait.cancel} it in the end. */
export interface ReceiptWait {
  /** The transaction once its mini-block is durable; undefined when the time is over or the server stops. */
  included(timeoutMs: number): Promise<IndexedTransaction | undefined>;
  cancel(): void;
}

type Resolve = (indexed: IndexedTransaction | undefined) => void;

/**
 * Hands transactions to the requests that wait for them. One listener on the chain feeds one map, whatever the number of
 * requests; a wait that is opened before the transaction is submitted misses nothing.
 */
export class ReceiptWaiters {
  readonly #maxWaiters: number;
  readonly #chain: ChainReader;
  readonly #waiting = new Map<string, Set<Resolve>>();
  #count = 0;
  #unsubscribe: (() => void) | undefined;
  #isStopped = false;

  constructor(options: { maxWaiters: number }, modules: { chain: ChainReader }) {
    this.#maxWaiters = options.maxWaiters;
    this.#chain = modules.chain;
  }

  start(): void {
    this.#unsubscribe = this.#chain.subscribe((event) => {
      // Nobody waits: then nobody has to decode them.
      if (event.kind === 'miniBlock' && this.#waiting.size > 0) this.#onTransactions(event.miniBlock.transactions);
    });
  }

  /** Ends every wait as if its time were over, and takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    for (const resolves of this.#waiting.values()) for (const resolve of resolves) resolve(undefined);
  }

  get count(): number {
    return this.#count;
  }

  /** @throws StrobeError LIMIT_EXCEEDED, NOT_AVAILABLE when the server stops */
  open(hash: Hash): ReceiptWait {
    if (this.#isStopped) throw rpcError('NOT_AVAILABLE', 'the node is stopping');
    if (this.#count >= this.#maxWaiters) throw rpcError('LIMIT_EXCEEDED', 'too many synchronous sends are waiting');
    const key = toKey(hash);
    const { promise, resolve } = Promise.withResolvers<IndexedTransaction | undefined>();
    this.#add(key, resolve);
    let timer: NodeJS.Timeout | undefined;
    return {
      included: (timeoutMs) => {
        timer = setTimeout(() => resolve(undefined), timeoutMs);
        return promise;
      },
      cancel: () => {
        clearTimeout(timer);
        this.#remove(key, resolve);
      },
    };
  }

  #add(key: string, resolve: Resolve): void {
    const resolves = this.#waiting.get(key);
    if (resolves === undefined) this.#waiting.set(key, new Set([resolve]));
    else resolves.add(resolve);
    this.#count++;
  }

  #remove(key: string, resolve: Resolve): void {
    const resolves = this.#waiting.get(key);
    if (resolves === undefined || !resolves.delete(resolve)) return;
    this.#count--;
    if (resolves.size === 0) this.#waiting.delete(key);
  }

  #onTransactions(transactions: readonly IndexedTransaction[]): void {
    for (const indexed of transactions) {
      const resolves = this.#waiting.get(toKey(indexed.transaction.hash));
      if (resolves !== undefined) for (const resolve of resolves) resolve(indexed);
    }
  }
}
