import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import { EthereumJsSimulator } from '../execution/ethereumjs/simulator.ts';
import { EthereumJsTracer } from '../execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import type { AccessListOutcome, CallOutcome, CallPosition } from '../protocol/ports/execution.ts';
import type { SimulationRequest, StateNodes } from '../protocol/ports/simulation.ts';
import type { StateView } from '../protocol/ports/state.ts';
import type { TracedBlock, TraceLimits, TracerSpec } from '../protocol/ports/tracing.ts';
import { simulationJson } from '../rpc/format-simulation.ts';
import type { HistoryViews } from '../state/historical-state.ts';
import { hashOfRecent, type RecentHashes } from '../state/recent-headers.ts';
import type { StatePlace } from '../state/state-place.ts';
import { TableReader } from '../state/table/table-reader.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import type { Channel } from '../util/thread-channel.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import type {
  ExecutorApi,
  ExecutorData,
  ExecutorHostApi,
  PlacedBase,
  PlacedBlock,
  PlacedCall,
  PlacedPosition,
  PlacedRequest,
} from './executor-api.ts';
import { openSharedHistory } from './state-history-parts.ts';
import { unpackTransactions } from './transaction-pack.ts';

/** The executors of JSON-RPC on the shared state, behind a channel to its thread. */
export class ExecutorService implements ExecutorApi {
  readonly #data: ExecutorData;
  readonly #table: TableReader;
  /** Ready when the database is open, at the first request that needs it. */
  #history: Promise<HistoryViews> | undefined;
  /** Of the request under way: there is one at a time. */
  #recent: RecentHashes = { hashes: EMPTY_BYTES, newest: -1 };
  readonly #calls: EthereumJsCallExecutor;
  readonly #simulator: EthereumJsSimulator;
  readonly #tracer: EthereumJsTracer;

  constructor(data: ExecutorData, channel: Channel) {
    this.#data = data;
    this.#table = TableReader.attach(data.state);
    const host = new ThreadRpc<ExecutorApi, ExecutorHostApi>(channel, this);
    const stateNodes: StateNodes = { nodes: (stateRoot, changes) => host.call('stateNodes', stateRoot, changes) };
    const blockHash = (blockNumber: number) => hashOfRecent(this.#recent, blockNumber);
    this.#calls = new EthereumJsCallExecutor(data, { blockHash });
    this.#simulator = new EthereumJsSimulator(data, { blockHash, stateNodes: data.provesState ? stateNodes : undefined });
    this.#tracer = new EthereumJsTracer(data, { blockHash });
  }

  async call(recent: RecentHashes, ...[request, position, overrides]: PlacedRequest): Promise<CallOutcome> {
    this.#recent = recent;
    return this.#calls.call(request, await this.#position(position), overrides);
  }

  async estimateGas(recent: RecentHashes, ...[request, position, overrides]: PlacedRequest): Promise<bigint> {
    this.#recent = recent;
    return this.#calls.estimateGas(request, await this.#position(position), overrides);
  }

  async createAccessList(recent: RecentHashes, ...[request, position, overrides]: PlacedRequest): Promise<AccessListOutcome> {
    this.#recent = recent;
    return this.#calls.createAccessList(request, await this.#position(position), overrides);
  }

  async simulate(recent: RecentHashes, request: SimulationRequest, { place, ...base }: PlacedBase, full: boolean) {
    this.#recent = recent;
    const blocks = await this.#simulator.simulate(request, { ...base, state: await this.#view(place) });
    return simulationJson(blocks, full);
  }

  async traceBlock(recent: RecentHashes, block: PlacedBlock, tracer: TracerSpec, limits: TraceLimits) {
    this.#recent = recent;
    return this.#tracer.traceBlock(await this.#block(block), tracer, limits);
  }

  async traceTransaction(recent: RecentHashes, block: PlacedBlock, tracer: TracerSpec, limits: TraceLimits): Promise<string> {
    this.#recent = recent;
    const target = await this.#block(block);
    return this.#tracer.traceTransaction(target, target.transactions.length - 1, tracer, limits);
  }

  async traceCall(recent: RecentHashes, call: PlacedCall, tracer: TracerSpec, limits: TraceLimits): Promise<string> {
    this.#recent = recent;
    const { request, overrides } = call;
    const before = call.before && (await this.#block(call.before));
    const position = await this.#position(call.position);
    return this.#tracer.traceCall({ request, overrides, position, ...(before && { before }) }, tracer, limits);
  }

  async #block({ parentPlace, env, transactions }: PlacedBlock): Promise<TracedBlock> {
    return { parentState: await this.#view(parentPlace), env, transactions: unpackTransactions(transactions) };
  }

  async #position({ place, env }: PlacedPosition): Promise<CallPosition> {
    return { state: await this.#view(place), env };
  }

  async #view(place: StatePlace): Promise<StateView> {
    if (place.kind === 'recent') return this.#table.at(place.moment);
    const { blockNumber, rollbacks } = place;
    this.#history ??= this.#openHistory();
    return (await this.#history).view({ blockNumber, rollbacks, recent: await this.#view(place.recent) });
  }

  async #openHistory(): Promise<HistoryViews> {
    const { history } = this.#data;
    invariant(history !== undefined, 'old states are on disk');
    // Closed with the thread. Which recent state an old one stands on comes with its place.
    const { views } = await openSharedHistory(history, { rows: this.#table.rowFinder(), recentAt: () => undefined });
    return views;
  }
}
