import { type Logger, type LogLevel, setLogLevel } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import type { PooledBytes } from '../protocol/ports/pool.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import { createRpcServer, type RpcAddress } from '../rpc/server.ts';
import type { HistoryViews } from '../state/historical-state.ts';
import { HistoryReach } from '../state/history-reach.ts';
import { RecentHeaders } from '../state/recent-headers.ts';
import { StateFollower } from '../state/state-follower.ts';
import { TableReader } from '../state/table/table-reader.ts';
import type { ChainFollower } from '../store/chain-follower.ts';
import { IndexedRange } from '../store/log-index/indexed-range.ts';
import { LogIndexDatabase } from '../store/log-index/log-index-database.ts';
import { LogIndexReader } from '../store/log-index/log-index-reader.ts';
import { LogFileReader } from '../store/log-place.ts';
import { openChainFollower } from '../store/open-chain-follower.ts';
import { invariant } from '../util/errors.ts';
import type { Channel } from '../util/thread-channel.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import { proveStoredBlocks } from './archive-proof-parts.ts';
import { executorDataOf } from './executor-api.ts';
import { ExecutorPool } from './executor-pool.ts';
import { startExecutorThread } from './executor-thread.ts';
import { Lifecycle } from './lifecycle.ts';
import { proveReceipts } from './proof-parts.ts';
import { RecentlyPooled } from './recently-pooled.ts';
import { createRpcBackend, type RemoteCore, remoteCore } from './rpc-backend.ts';
import { relayLogger } from './rpc-log.ts';
import { RemotePool } from './rpc-remote-pool.ts';
import type { CoreApi, FedChange, RpcBegin, RpcThreadApi, RpcThreadData, RpcThreadOptions } from './rpc-thread-api.ts';
import { openSharedHistory } from './state-history-parts.ts';

/** Starting an executor, reading what it is to do, state roots of a simulation, writing out its answer. */
const STUCK_MARGIN_MS = 30_000;

interface ServiceParts {
  readonly logger: Logger;
  readonly life: Lifecycle;
}

/** What follows the chain. */
interface Followers {
  readonly chain: ChainFollower;
  readonly state: StateFollower;
  readonly history: HistoryViews | undefined;
}

/**
 * JSON-RPC with everything that it serves from, behind one channel to the core: it runs in a thread of its own, or on
 * the core's own thread in tests, and is the same there.
 */
export class RpcService implements RpcThreadApi {
  readonly #data: RpcThreadData;
  readonly #channel: ThreadRpc<RpcThreadApi, CoreApi>;
  readonly #core: RemoteCore;
  readonly #metrics = createMetrics();
  /** All that begins and ends with serving; undefined before. */
  #life: Lifecycle | undefined;
  #logger: Logger | undefined;
  #pool: RemotePool | undefined;
  #followers: Followers | undefined;
  /** Changes that came while the database was being opened. */
  #early: FedChange[] = [];

  constructor(data: RpcThreadData, channel: Channel) {
    this.#data = data;
    this.#channel = new ThreadRpc<RpcThreadApi, CoreApi>(channel, this);
    this.#core = remoteCore((service, method, args) => this.#channel.call('invoke', service, method, args));
  }

  async begin(options: RpcThreadOptions, begin: RpcBegin): Promise<RpcAddress> {
    const logger = relayLogger(options.logLevel, (line) => this.#channel.call('log', line));
    const life = new Lifecycle(logger);
    this.#logger = logger;
    this.#life = life;
    try {
      return await this.#serve(options, begin, { logger, life });
    } catch (error) {
      return life.fail(error);
    }
  }

  async #serve(options: RpcThreadOptions, begin: RpcBegin, { logger, life }: ServiceParts): Promise<RpcAddress> {
    const { chain, state, history } = await this.#follow(options, begin, { logger, life });
    const recentHeaders = new RecentHeaders();
    life.onStop('recent headers', await recentHeaders.follow(chain, begin.olderHeaders));
    const transactions = new RemotePool({
      core: this.#core,
      nonceOf: (address) => state.latest().getAccount(address)?.nonce ?? 0n,
      recentlyPooled: options.node.role === 'replica' ? new RecentlyPooled() : undefined,
    });
    this.#pool = transactions;
    const receiptProofs = proveReceipts({ logger, life });
    const stateProofs = this.#proveState(options, state, { logger, life });
    const executors = this.#openExecutors(options, { logger, life });
    const server = createRpcServer(options.server, {
      backend: createRpcBackend(options, {
        ...{ chain, state, history, recentHeaders, receiptProofs, stateProofs, transactions, executors, core: this.#core },
      }),
      logger: logger.child({ component: 'rpc' }),
      metrics: this.#metrics,
    });
    const address = await server.start();
    life.onStop('JSON-RPC', () => server.stop());
    return address;
  }

  #openExecutors(options: RpcThreadOptions, { logger, life }: ServiceParts): ExecutorPool {
    const data = executorDataOf(options, this.#data);
    const { executors, longestMs } = options.executions;
    const pool = new ExecutorPool(
      { executors, stuckAfterMs: longestMs + STUCK_MARGIN_MS },
      {
        ...{ logger: logger.child({ component: 'executors' }), metrics: this.#metrics },
        start: () => startExecutorThread(data),
        host: { stateNodes: (stateRoot, changes) => this.#core.stateNodes.nodes(stateRoot, changes) },
      },
    );
    life.onStop('executors', () => pool.stop());
    return pool;
  }

  async #follow(options: RpcThreadOptions, begin: RpcBegin, { logger, life }: ServiceParts): Promise<Followers> {
    const { chainId, genesisHeader, database } = options;
    const log = new LogFileReader({ locate: (number) => this.#core.log.locate(number) });
    const logIndex = await LogIndexDatabase.open(options.logIndex);
    life.onStop('log index', () => logIndex.close());
    const chain = await openChainFollower(
      { chainId, genesisHeader, directory: database, ...options.logLimits },
      { log, logger, logIndex: new LogIndexReader(logIndex, new IndexedRange(this.#data.indexedLogs)) },
      begin.chain,
    );
    life.onStop('chain follower', () => chain.close());
    const reader = TableReader.attach(this.#data.state);
    const rangeOf = (from: number, to: number) => this.#core.state.rangeOf(from, to);
    const reach = this.#data.history && HistoryReach.attach(this.#data.history.reach);
    const state = new StateFollower(begin.state, { reader, rangeOf, newestStored: () => reach?.newest });
    const history = await this.#openHistory(reader, state, life);
    this.#followers = { chain, state, history };
    for (const change of this.#early) this.apply(change);
    this.#early = [];
    return this.#followers;
  }

  async #openHistory(reader: TableReader, state: StateFollower, life: Lifecycle): Promise<HistoryViews | undefined> {
    const { history } = this.#data;
    if (history === undefined) return undefined;
    // The core thread may have stored a block of which this one is about to hear.
    const own = { rows: reader.rowFinder(), recentAt: (blockNumber: number) => state.stateUpTo(blockNumber) };
    const { views, close } = await openSharedHistory(history, own);
    life.onStop('state history', close);
    return views;
  }

  #proveState(
    { provesState, archiveProofs }: RpcThreadOptions,
    follower: StateFollower,
    parts: ServiceParts,
  ): StateProver | undefined {
    const { stateProofs: recentProofs } = this.#core;
    const { history, state } = this.#data;
    if (!provesState) return undefined;
    if (archiveProofs === undefined || history === undefined) return recentProofs;
    return proveStoredBlocks(archiveProofs, { ...parts, recentProofs, follower, state, history, metrics: this.#metrics });
  }

  apply(fed: FedChange): void {
    if (this.#followers === undefined) {
      this.#early.push(fed);
      return;
    }
    const { chain, state } = this.#followers;
    const { change, moment } = fed;
    // The state first: whoever hears of an event reads what it brought.
    if (change.kind === 'sealed') state.onSealed(change.seal.header.number);
    if (change.kind === 'miniBlock' || change.kind === 'rollback') {
      invariant(moment !== undefined, 'mini-blocks and rollbacks come with the moment of their state');
      if (change.kind === 'miniBlock') state.onMiniBlock(moment);
      else state.onRollback(moment, change.head.header.number);
    }
    chain.apply(change);
  }

  setLogLevel(level: LogLevel): void {
    if (this.#logger !== undefined) setLogLevel(this.#logger, level);
  }

  onPooled(pooled: PooledBytes): void {
    this.#pool?.onPooled(pooled);
  }

  async metrics(): Promise<string> {
    return (await this.#metrics.expose()).body;
  }

  async stop(): Promise<void> {
    await this.#life?.stop();
  }
}
