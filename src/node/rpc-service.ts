import { createMetrics } from '../observability/metrics.ts';
import { createRpcServer, type RpcAddress } from '../rpc/server.ts';
import { RecentHeaders } from '../state/recent-headers.ts';
import { StateFollower } from '../state/state-follower.ts';
import { TableReader } from '../state/table/table-reader.ts';
import type { ChainFollower } from '../store/chain-follower.ts';
import { LogFileReader } from '../store/log-place.ts';
import { openChainFollower } from '../store/open-chain-follower.ts';
import { invariant } from '../util/errors.ts';
import type { Channel } from '../util/thread-channel.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import { Lifecycle } from './lifecycle.ts';
import { proveReceipts } from './proof-parts.ts';
import { createRpcBackend, type RemoteCore, remoteCore } from './rpc-backend.ts';
import { relayLogger } from './rpc-log.ts';
import { RemotePool } from './rpc-remote-pool.ts';
import type { CoreApi, FedChange, PooledBytes, RpcBegin, RpcThreadApi, RpcThreadData } from './rpc-thread-api.ts';

/** What follows the chain. */
interface Followers {
  readonly chain: ChainFollower;
  readonly state: StateFollower;
}

/**
 * JSON-RPC with everything that it serves from, behind one channel to the core: it runs in a thread of its own, or on
 * the core's own thread in tests, and is the same there.
 */
export class RpcService implements RpcThreadApi {
  readonly #data: RpcThreadData;
  readonly #core: RemoteCore;
  readonly #pool: RemotePool;
  readonly #metrics = createMetrics();
  readonly #logger;
  readonly #life: Lifecycle;
  #followers: Followers | undefined;
  /** Changes that came while the database was being opened. */
  #early: FedChange[] = [];

  constructor(data: RpcThreadData, channel: Channel) {
    this.#data = data;
    const core = new ThreadRpc<RpcThreadApi, CoreApi>(channel, this);
    this.#core = remoteCore((service, method, args) => core.call('invoke', service, method, args));
    this.#pool = new RemotePool(data.options, this.#core);
    this.#logger = relayLogger(data.options.logLevel, (line) => core.call('log', line));
    this.#life = new Lifecycle(this.#logger);
  }

  async begin(begin: RpcBegin): Promise<RpcAddress> {
    try {
      return await this.#serve(begin);
    } catch (error) {
      return this.#life.fail(error);
    }
  }

  async #serve(begin: RpcBegin): Promise<RpcAddress> {
    const { options } = this.#data;
    const { chain, state } = await this.#follow(begin);
    const recentHeaders = new RecentHeaders();
    this.#life.onStop('recent headers', await recentHeaders.follow(chain, begin.olderHeaders));
    const receiptProofs = proveReceipts({ logger: this.#logger, life: this.#life });
    const parts = { chain, state, recentHeaders, receiptProofs, transactions: this.#pool, core: this.#core };
    const server = createRpcServer(options.server, {
      backend: createRpcBackend(options, parts),
      logger: this.#logger.child({ component: 'rpc' }),
      metrics: this.#metrics,
    });
    const address = await server.start();
    this.#life.onStop('JSON-RPC', () => server.stop());
    return address;
  }

  async #follow(begin: RpcBegin): Promise<Followers> {
    const { options, state: handle } = this.#data;
    const { chainId, genesisHeader, database } = options;
    const log = new LogFileReader({ locate: (number) => this.#core.log.locate(number) });
    const chain = await openChainFollower(
      { chainId, genesisHeader, directory: database },
      { log, logger: this.#logger },
      begin.chain,
    );
    this.#life.onStop('chain follower', () => chain.close());
    const state = new StateFollower(begin.state, { reader: TableReader.attach(handle) });
    this.#followers = { chain, state };
    for (const change of this.#early) this.apply(change);
    this.#early = [];
    return this.#followers;
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

  onPooled(pooled: PooledBytes): void {
    this.#pool.onPooled(pooled);
  }

  async metrics(): Promise<string> {
    return (await this.#metrics.expose()).body;
  }

  stop(): Promise<void> {
    return this.#life.stop();
  }
}
