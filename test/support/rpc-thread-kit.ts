import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { RpcService } from '../../src/node/rpc-service.ts';
import { RpcThread } from '../../src/node/rpc-thread.ts';
import type { RpcThreadData, RpcThreadOptions } from '../../src/node/rpc-thread-api.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { TransactionSink } from '../../src/protocol/ports/chain.ts';
import type { ListedTransaction, PoolReader } from '../../src/protocol/ports/pool.ts';
import type { Address } from '../../src/protocol/primitives.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { ChainState } from '../../src/state/chain-state.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import type { ChainStore } from '../../src/store/chain-store.ts';
import { IndexedRange } from '../../src/store/log-index/indexed-range.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { type Bytes, toHex } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { createChannelPair } from '../../src/util/thread-channel.ts';
import type { WorkerHost } from '../../src/util/worker-host.ts';
import { type BuiltMiniBlock, ChainBuilder } from './chain-builder.ts';
import { openTestStore } from './chain-store-kit.ts';
import { rpc } from './json-rpc.ts';
import { RpcSocket } from './rpc-harness.ts';
import { tempDirectory } from './temp-directory.ts';

/** JSON-RPC on the calling thread. */
export function onThisThread(data: RpcThreadData): WorkerHost {
  const [core, own] = createChannelPair();
  new RpcService(data, own);
  return { channel: core, died: new Promise<never>(() => {}), close: async () => {} };
}

/** A core with a real log, store and state, whose JSON-RPC runs wherever the host does. */
export class RpcThreadKit {
  readonly builder = new ChainBuilder();
  readonly state = new StateTable();
  metrics = createMetrics();
  readonly logged: string[] = [];
  /** Raw transactions in the order in which the pool got them. */
  readonly submitted: Bytes[] = [];
  /** What is thrown for the next submission. */
  refusal: StrobeError | undefined;
  listed: readonly ListedTransaction[] = [];
  excluded: readonly Address[] = [];
  syncing: { currentBlock: number; highestBlock: number } | undefined;
  store!: ChainStore;
  chainState!: ChainState;
  thread!: RpcThread;
  url = '';
  /** Of the longest call, and of what is executed in the thread of JSON-RPC, ms. */
  callLimits = { maxCallMs: 2_000, quickCallMs: 5 };
  #log!: SegmentLog;
  readonly #directory = join(tempDirectory(), 'chain');
  readonly #logIndex = join(tempDirectory(), 'log-index');
  readonly #listeners = new Set<(transaction: Transaction, sender: Address) => void>();

  async open(): Promise<this> {
    const { genesisHash, genesis } = this.builder;
    this.state.apply(genesis.allocation, 0);
    const log = await SegmentLog.open({ directory: join(tempDirectory(), 'log'), genesisHash, durability: 'os' });
    this.#log = log.log;
    this.store = await openTestStore(this.builder, { directory: this.#directory, log: this.#log });
    const head = { epoch: 0, number: 0, digest: genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
    this.chainState = new ChainState(head, {}, { state: this.state, chain: this.store });
    onTestFinished(async () => {
      await this.thread?.stop();
      await this.store.close();
      await this.#log.close();
    });
    return this;
  }

  /** Begins to serve what is there now. */
  async serve(openHost: (data: RpcThreadData) => WorkerHost, port = 0): Promise<void> {
    this.metrics = createMetrics();
    const { builder, store, state, chainState, metrics } = this;
    const write = (line: string): void => void this.logged.push(line);
    const logger = createLogger({ level: 'info', format: 'json', destination: { write } as unknown as NodeJS.WritableStream });
    this.thread = new RpcThread(openHost({ state: state.share(), indexedLogs: new IndexedRange().shared, history: undefined }), {
      witnesses: { read: async (blockNumber) => new Uint8Array([blockNumber]) },
      ...{ store, state, chainState, metrics, logger, log: this.#log, olderHeaders: [] },
      ...{ transactions: this.#transactions(), pool: this.#pool(), stateProofs: undefined, stateNodes: undefined },
      provers: builder.provers.map(({ address }) => address),
      isExcludedProver: (prover) => this.excluded.includes(prover),
      node: {
        ...{ role: 'replica', version: 'test' },
        describe: async () => ({ state: 'live' }),
        syncing: async () => this.syncing,
        peerCount: async () => 7,
        peers: async () => [],
        equivocations: async () => [],
      },
    });
    const address = await this.thread.start(this.#options(port));
    this.url = `http://127.0.0.1:${address.port}`;
  }

  /** As a role does: log, then state and store. */
  async apply(miniBlock: BuiltMiniBlock): Promise<void> {
    await this.#log.append([miniBlock.record]);
    const { record, ...commit } = miniBlock;
    this.chainState.apply({ ...commit, logRecord: record.bytes });
  }

  async transfer(from: number, value = 1n): Promise<BuiltMiniBlock> {
    const built = this.builder.miniBlock([this.builder.transfer(from, value)]);
    await this.apply(built);
    return built;
  }

  async seal(): Promise<void> {
    const { seal, record } = this.builder.seal();
    await this.#log.append([record]);
    await this.chainState.seal(seal);
  }

  /** A new transaction is told. */
  pooled(transaction: Transaction, sender: Address): void {
    for (const listener of this.#listeners) listener(transaction, sender);
  }

  get isPoolWatched(): boolean {
    return this.#listeners.size > 0;
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  ask(method: string, ...params: unknown[]): Promise<any> {
    return rpc(this.url, method, params);
  }

  /** What the thread says of an account, beside what the core's table has. */
  async balances(index: number): Promise<{ asked: string; stored: string }> {
    const { address } = this.builder.accounts[index] ?? { address: new Uint8Array(20) };
    const stored = `0x${(this.state.getAccount(address)?.balance ?? 0n).toString(16)}`;
    return { asked: await this.ask('eth_getBalance', toHex(address), 'latest'), stored };
  }

  async connect(): Promise<RpcSocket> {
    const socket = new WebSocket(this.url.replace('http', 'ws'));
    onTestFinished(() => socket.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new RpcSocket(socket);
  }

  #options(port: number): RpcThreadOptions {
    const { genesis, genesisHeader } = this.builder;
    return {
      server: { host: '127.0.0.1', port, baseFeeFloorWei: genesis.baseFeeFloorWei },
      ...{ chainId: genesis.chainId, genesisHeader, database: this.#directory },
      ...{ logIndex: this.#logIndex, blockIntervalMs: genesis.blockIntervalMs },
      logLimits: { maxLogBlocks: 1_000, maxLogs: 1_000 },
      callLimits: { maxCallMs: this.callLimits.maxCallMs, gasCap: 10n ** 12n },
      executions: { executors: 1, quickCallMs: this.callLimits.quickCallMs, longestMs: 5_000 },
      node: { role: 'replica', version: 'test' },
      policy: { threshold: genesis.threshold, proverCount: genesis.provers.length },
      ...{ provesState: false, archiveProofs: undefined, maxTransactionGas: genesis.maxTransactionGas, logLevel: 'info' },
    };
  }

  #pool(): PoolReader {
    return {
      counts: async () => ({ pending: this.listed.length, queued: 0 }),
      list: async () => this.listed,
    };
  }

  #transactions(): TransactionSink {
    return {
      submit: async (raw) => {
        const { refusal } = this;
        this.refusal = undefined;
        if (refusal !== undefined) throw refusal;
        this.submitted.push(raw);
        return keccak256(raw);
      },
      pendingNonce: async () => 5n,
      pooledTransaction: async () => undefined,
      subscribePending: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }
}

/** An error of the pool with everything that has to travel. */
export function refusalOf(code: string): StrobeError {
  return new StrobeError(code, `refused with ${code}`, { data: 'why' });
}
