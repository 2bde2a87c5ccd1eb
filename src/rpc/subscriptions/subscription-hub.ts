import { formatHeader } from '../../protocol/header-json.ts';
import type { ChainEvent, RpcBackend } from '../../protocol/ports/chain.ts';
import { quantity } from '../../util/quantity.ts';
import { formatMiniBlockHashes, formatMiniBlockPush } from '../format-mini-block.ts';
import type { LogCriteria } from '../log-criteria.ts';
import type { StartSubscription } from '../rpc-caller.ts';
import { rpcError } from '../rpc-error.ts';
import { type BlockStatusLogger, BlockStatusSubscribers } from './block-status-subscribers.ts';
import { LogSubscribers } from './log-subscribers.ts';
import { PendingSubscribers } from './pending-subscribers.ts';
import { SubscriberSet } from './subscriber-set.ts';
import { SyncStatus } from './sync-status.ts';

/** What eth_subscribe can ask for. */
export type SubscriptionRequest =
  | { readonly kind: 'newHeads' | 'syncing' | 'blockStatus' }
  | { readonly kind: 'miniBlocks'; readonly hashesOnly: boolean }
  | { readonly kind: 'newPendingTransactions'; readonly full: boolean }
  /** `pending`: as soon as the mini-block exists, instead of when its block is sealed. */
  | { readonly kind: 'logs'; readonly criteria: LogCriteria; readonly pending: boolean };

/** Turns chain events into pushes. One listener on the chain; every event is formatted once, and only if somebody wants it. */
export class SubscriptionHub {
  readonly #maxSubscriptions: number;
  readonly #backend: RpcBackend;
  readonly #newHeads = new SubscriberSet();
  readonly #miniBlocks = new SubscriberSet();
  readonly #miniBlockHashes = new SubscriberSet();
  readonly #sealedLogs = new LogSubscribers();
  readonly #pendingLogs = new LogSubscribers();
  readonly #pendingTransactions: PendingSubscribers;
  readonly #blockStatus: BlockStatusSubscribers;
  #count = 0;
  readonly #syncStatus: SyncStatus;
  #unsubscribe: (() => void) | undefined;

  constructor(options: { maxSubscriptions: number }, modules: { backend: RpcBackend; logger: BlockStatusLogger }) {
    this.#maxSubscriptions = options.maxSubscriptions;
    this.#backend = modules.backend;
    this.#pendingTransactions = new PendingSubscribers(modules.backend);
    this.#blockStatus = new BlockStatusSubscribers(modules.backend, modules.logger);
    this.#syncStatus = new SyncStatus(modules.backend, modules.logger);
  }

  start(): void {
    this.#syncStatus.start();
    this.#blockStatus.start();
    this.#unsubscribe = this.#backend.chain.subscribe((event) => this.#onEvent(event));
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#pendingTransactions.stop();
    this.#syncStatus.stop();
  }

  /** Subscriptions that are flowing. */
  get count(): number {
    return this.#count;
  }

  /**
   * Checks that a subscription can be had; its events flow when the returned function is called.
   * @throws StrobeError LIMIT_EXCEEDED, NOT_AVAILABLE
   */
  prepare(request: SubscriptionRequest): StartSubscription {
    if (this.#count >= this.#maxSubscriptions) throw rpcError('LIMIT_EXCEEDED', 'too many subscriptions on this node');
    if (request.kind === 'newPendingTransactions') this.#pendingTransactions.requireAvailable();
    return (push) => {
      const remove = this.#startFlow(request, push);
      this.#count++;
      return () => {
        remove();
        this.#count--;
      };
    };
  }

  #startFlow(request: SubscriptionRequest, push: (json: string) => void): () => void {
    switch (request.kind) {
      case 'newHeads':
        return this.#newHeads.add(push);
      case 'miniBlocks':
        return (request.hashesOnly ? this.#miniBlockHashes : this.#miniBlocks).add(push);
      case 'syncing':
        return this.#syncStatus.add(push);
      case 'blockStatus':
        return this.#blockStatus.add(push);
      case 'newPendingTransactions':
        return this.#pendingTransactions.add(request.full, push);
      case 'logs':
        return (request.pending ? this.#pendingLogs : this.#sealedLogs).add(request.criteria, push);
    }
  }

  #onEvent(event: ChainEvent): void {
    switch (event.kind) {
      case 'miniBlock':
        this.#miniBlocks.publish(() => formatMiniBlockPush(event.miniBlock));
        this.#miniBlockHashes.publish(() => formatMiniBlockHashes(event.miniBlock));
        this.#pendingLogs.publish(event.miniBlock.transactions);
        break;
      case 'block': {
        const { block, miniBlockCount } = event;
        this.#newHeads.publish(() => ({
          ...formatHeader(block.header, block.hash),
          miniBlockCount: quantity(miniBlockCount),
        }));
        this.#sealedLogs.publish(block.transactions);
        break;
      }
      case 'rollback':
        this.#pendingLogs.publishRemoved(event.removed);
        // Those who follow sealed blocks never saw the logs of the open one.
        this.#sealedLogs.publishRemoved(event.removed.filter(({ blockHash }) => blockHash !== undefined));
        break;
      default:
        break;
    }
    this.#blockStatus.onEvent(event);
    this.#syncStatus.onEvent();
  }
}
