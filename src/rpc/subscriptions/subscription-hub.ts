import { formatHeader } from '../../protocol/header-json.ts';
import type { ChainEvent, RpcBackend } from '../../protocol/ports/chain.ts';
import { quantity } from '../../util/quantity.ts';
import type { RpcLimits } from '../limits.ts';
import { assertRangeKept } from '../log-criteria.ts';
import type { Push, StartSubscription } from '../rpc-caller.ts';
import { rpcError } from '../rpc-error.ts';
import { type BlockStatusLogger, BlockStatusSubscribers } from './block-status-subscribers.ts';
import type { StreamSubscriber } from './feed.ts';
import { LogSubscribers } from './log-subscribers.ts';
import { MiniBlockRing } from './mini-block-ring.ts';
import { PendingSubscribers } from './pending-subscribers.ts';
import { RealtimeStreams } from './realtime-streams.ts';
import { Resumptions } from './resumptions.ts';
import { SubscriberSet } from './subscriber-set.ts';
import type { RealtimeRequest, SubscriptionRequest } from './subscription-request.ts';
import { SyncStatus } from './sync-status.ts';

export type SubscriptionLimits = Pick<RpcLimits, 'maxSubscriptions' | 'maxResumptions' | 'maxResumeMiniBlocks'>;

/** A subscription that can be had. */
export interface PreparedSubscription {
  /** What has to be waited for before the answer. @throws StrobeError HISTORY_PRUNED, RESUME_AHEAD, RESUME_TOO_OLD, RESUME_ORPHANED */
  check(): Promise<void>;
  readonly start: StartSubscription;
}

/** Turns chain events into pushes. One listener on the chain; every event is formatted once, and only if somebody wants it. */
export class SubscriptionHub {
  readonly #limits: SubscriptionLimits;
  readonly #backend: RpcBackend;
  readonly #ring: MiniBlockRing;
  readonly #streams: RealtimeStreams;
  readonly #resumptions: Resumptions;
  readonly #newHeads = new SubscriberSet();
  readonly #sealedLogs = new LogSubscribers();
  readonly #pendingTransactions: PendingSubscribers;
  readonly #blockStatus: BlockStatusSubscribers;
  #count = 0;
  readonly #syncStatus: SyncStatus;
  #unsubscribe: (() => void) | undefined;

  constructor(limits: SubscriptionLimits, modules: { backend: RpcBackend; logger: BlockStatusLogger }) {
    const { backend, logger } = modules;
    this.#limits = limits;
    this.#backend = backend;
    this.#ring = new MiniBlockRing(backend.chain.genesisHash);
    this.#streams = new RealtimeStreams({ ring: this.#ring, backend, logger });
    this.#resumptions = new Resumptions(limits, { ring: this.#ring, backend, logger });
    this.#pendingTransactions = new PendingSubscribers(backend);
    this.#blockStatus = new BlockStatusSubscribers(backend, logger);
    this.#syncStatus = new SyncStatus(backend, logger);
  }

  start(): void {
    this.#ring.begin(this.#backend.chain.miniBlockNumber());
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
   * Events flow when `start` of the result is called, behind its `check`.
   * @throws StrobeError LIMIT_EXCEEDED, NOT_AVAILABLE
   */
  prepare(request: SubscriptionRequest): PreparedSubscription {
    if (this.#count >= this.#limits.maxSubscriptions) throw rpcError('LIMIT_EXCEEDED', 'too many subscriptions on this node');
    const { check, start } = this.#prepareFlow(request);
    return {
      check,
      start: (subscriber) => {
        const stop = start(subscriber);
        this.#count++;
        return () => {
          stop();
          this.#count--;
        };
      },
    };
  }

  #prepareFlow(request: SubscriptionRequest): PreparedSubscription {
    const check = async (): Promise<void> => {};
    switch (request.kind) {
      case 'newHeads':
        return { check, start: ({ push }) => this.#newHeads.add(push) };
      case 'syncing':
        return { check, start: ({ push }) => this.#syncStatus.add(push) };
      case 'blockStatus':
        return { check, start: ({ push }) => this.#blockStatus.add(push) };
      case 'newPendingTransactions':
        return { check, start: ({ push }) => this.#pendingTransactions.add(request.full, push) };
      case 'logs': {
        const { criteria } = request;
        return {
          check: () => assertRangeKept(criteria, this.#backend.chain),
          start: (subscriber) => this.#sealedLogs.add(criteria, subscriber),
        };
      }
      case 'realtime':
        return this.#prepareRealtime(request);
    }
  }

  #prepareRealtime({ dialect, resumeFrom, withCursors }: RealtimeRequest): PreparedSubscription {
    const feed = this.#streams.feed(dialect);
    const { check, start } =
      resumeFrom === undefined
        ? { check: async () => {}, start: (subscriber: StreamSubscriber) => feed.join(subscriber) }
        : this.#resumptions.prepare(resumeFrom, feed);
    return {
      check: async () => {
        if (dialect.kind === 'pendingLogs') await assertRangeKept(dialect.criteria, this.#backend.chain);
        await check();
      },
      start: (subscriber) => {
        const push: Push = withCursors ? subscriber.push : (json) => subscriber.push(json);
        return start({ ...subscriber, push, wantsCursors: withCursors });
      },
    };
  }

  #onEvent(event: ChainEvent): void {
    switch (event.kind) {
      case 'miniBlock':
        this.#ring.add(event.miniBlock);
        this.#streams.publish(event.miniBlock);
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
        this.#ring.rollback(event.number);
        this.#resumptions.onRollback(event.number, event.removed);
        this.#streams.onRollback(event.number, event.removed);
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
