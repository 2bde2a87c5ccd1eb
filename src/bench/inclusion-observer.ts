import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';
import { quantity } from './chain-state.ts';
import { SubscriptionClient } from './subscription-client.ts';

/** Heads that wait while a block is fetched: more than this is no chain one can follow. */
const MAX_HEADS = 100_000;

/** How a node tells what it included: Strobe's mini-blocks with their receipts, or any node's block headers. */
export type ObserverMode = 'miniBlocks' | 'newHeads';

/** Transactions that became visible together; `atMs` is `performance.now()`. */
export type Inclusion = {
  hashes: string[];
  atMs: number;
  miniBlock?: { number: number; timestampUs: number };
};

export type ObserverHandlers = {
  onInclusion(inclusion: Inclusion): void;
  /** Nothing more will be seen. */
  onLost(error: StrobeError): void;
};

/**
 * Watches one node over WebSocket: `miniBlocks` when it has them, else `newHeads` plus the hashes of each block.
 * A receipt counts as available when its mini-block, or its block's header, is announced.
 */
export class InclusionObserver {
  readonly #client: SubscriptionClient;
  readonly #handlers: ObserverHandlers;
  #mode: ObserverMode | undefined;
  /** newHeads: the highest block fetched, and the heads announced above it. */
  #fetched = 0;
  readonly #heads: { number: number; atMs: number }[] = [];
  #isFetching = false;
  #isStopped = false;

  constructor(wsUrl: string, handlers: ObserverHandlers) {
    this.#handlers = handlers;
    this.#client = new SubscriptionClient(wsUrl, {
      onNotification: (result, atMs) => this.#onNotification(result, atMs),
      onLost: (error) => handlers.onLost(error),
    });
  }

  /** @throws StrobeError BENCH_WEBSOCKET_UNAVAILABLE, BENCH_RPC_ERROR */
  async start(): Promise<ObserverMode> {
    await this.#client.connect();
    this.#mode = 'miniBlocks';
    try {
      await this.#client.call('eth_subscribe', ['miniBlocks', { hashesOnly: true }]);
      return this.#mode;
    } catch (error) {
      // Nodes refuse an unknown subscription with codes and words of their own; newHeads they all have.
      if (!isStrobeError(error, 'BENCH_RPC_ERROR')) throw error;
    }
    this.#mode = 'newHeads';
    this.#fetched = Number(quantity(await this.#client.call('eth_blockNumber', [])));
    await this.#client.call('eth_subscribe', ['newHeads']);
    return this.#mode;
  }

  stop(): void {
    this.#isStopped = true;
    this.#client.close();
  }

  #onNotification(result: unknown, atMs: number): void {
    try {
      if (this.#mode === 'miniBlocks') this.#handlers.onInclusion(parseMiniBlock(result, atMs));
      else this.#onHead(result, atMs);
    } catch (error) {
      this.#lose(error);
    }
  }

  #onHead(head: unknown, atMs: number): void {
    this.#heads.push({ number: Number(quantity((head as { number?: unknown } | null)?.number)), atMs });
    if (this.#heads.length > MAX_HEADS) throw badAnswer('the node announces blocks faster than it serves them');
    if (!this.#isFetching) this.#fetchBlocks().catch((error: unknown) => this.#lose(error));
  }

  /** Fetches every block up to the announced heads, those between two announcements too. */
  async #fetchBlocks(): Promise<void> {
    this.#isFetching = true;
    try {
      for (let head = this.#heads.shift(); head !== undefined; head = this.#heads.shift()) {
        while (this.#fetched < head.number) {
          const number = this.#fetched + 1;
          const block = await this.#client.call('eth_getBlockByNumber', [`0x${number.toString(16)}`, false]);
          this.#handlers.onInclusion({ hashes: hashesOf(block), atMs: head.atMs });
          this.#fetched = number;
        }
      }
    } finally {
      this.#isFetching = false;
    }
  }

  #lose(error: unknown): void {
    // A block that was being fetched when the run stopped is no loss.
    if (this.#isStopped) return;
    this.stop();
    const isOurs = error instanceof StrobeError;
    this.#handlers.onLost(isOurs ? error : new StrobeError('BENCH_OBSERVER_FAILED', errorMessage(error), {}, { cause: error }));
  }
}

function parseMiniBlock(result: unknown, atMs: number): Inclusion {
  const miniBlock = result as { mini_block_number?: unknown; mini_block_timestamp?: unknown } | null;
  const number = wholeNumber(miniBlock?.mini_block_number);
  const timestampUs = wholeNumber(miniBlock?.mini_block_timestamp);
  return { hashes: hashesOf(miniBlock), atMs, miniBlock: { number, timestampUs } };
}

/** Hashes of a block's or mini-block's transactions, which come as hashes or as objects. */
function hashesOf(block: unknown): string[] {
  const transactions = (block as { transactions?: unknown } | null)?.transactions;
  if (!Array.isArray(transactions)) throw badAnswer('a block without transactions');
  return transactions.map((transaction: unknown) => {
    const hash = typeof transaction === 'string' ? transaction : (transaction as { hash?: unknown } | null)?.hash;
    if (typeof hash !== 'string') throw badAnswer('a transaction without hash');
    return hash.toLowerCase();
  });
}

/** A number, or the same as a hex quantity. */
function wholeNumber(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(quantity(value));
  if (!Number.isSafeInteger(number) || number < 0) throw badAnswer('expected a whole number');
  return number;
}

function badAnswer(message: string): StrobeError {
  return new StrobeError('BENCH_RPC_BAD_ANSWER', message);
}
