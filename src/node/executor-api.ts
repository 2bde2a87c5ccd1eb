import type {
  AccessListOutcome,
  AccountOverride,
  CallEnvironment,
  CallOutcome,
  CallPosition,
  CallRequest,
} from '../protocol/ports/execution.ts';
import type { ChangedAccount, SimulationBase, SimulationRequest } from '../protocol/ports/simulation.ts';
import type { TracedBlock, TracedCall, TraceLimits, TracerSpec } from '../protocol/ports/tracing.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { RecentHashes } from '../state/recent-headers.ts';
import { placeOf, type StatePlace } from '../state/state-place.ts';
import type { Bytes } from '../util/bytes.ts';
import type { RpcThreadData, RpcThreadOptions } from './rpc-thread-api.ts';
import { packTransactions } from './transaction-pack.ts';

/** What an executor is started with; the state's memory is shared. */
export interface ExecutorData extends Pick<RpcThreadData, 'state' | 'history'> {
  readonly chainId: number;
  readonly maxCallMs: number;
  readonly gasCap: bigint;
  readonly baseFeeFloorWei: bigint;
  /** Between simulated blocks that do not say when they are. */
  readonly blockSeconds: number;
  /** Whether {@link ExecutorHostApi.stateNodes} has a trie. */
  readonly provesState: boolean;
}

/** What an executor gets from the options that JSON-RPC is served with. */
export function executorDataOf(options: RpcThreadOptions, { state, history }: RpcThreadData): ExecutorData {
  const { chainId, callLimits, server, blockIntervalMs, provesState } = options;
  return {
    ...{ state, history, chainId, provesState },
    ...{ maxCallMs: callLimits.maxCallMs, gasCap: callLimits.gasCap },
    ...{ baseFeeFloorWei: server.baseFeeFloorWei, blockSeconds: Math.ceil(blockIntervalMs / 1_000) },
  };
}

/** {@link CallPosition} for another thread. */
export interface PlacedPosition {
  readonly place: StatePlace;
  readonly env: CallEnvironment;
}

/** {@link TracedBlock} for another thread. */
export interface PlacedBlock extends Pick<TracedBlock, 'env'> {
  readonly parentPlace: StatePlace;
  readonly transactions: Bytes;
}

/** {@link TracedCall} for another thread. */
export interface PlacedCall extends Pick<TracedCall, 'request' | 'overrides'> {
  readonly position: PlacedPosition;
  readonly before: PlacedBlock | undefined;
}

/** {@link SimulationBase} for another thread. */
export interface PlacedBase extends Omit<SimulationBase, 'state'> {
  readonly place: StatePlace;
}

/**
 * Served by an executor, one request at a time. Each comes with what BLOCKHASH knows, and names the state that it is about.
 * Errors are those of the ports of the same names.
 */
export interface ExecutorApi {
  call(recent: RecentHashes, ...call: PlacedRequest): Promise<CallOutcome>;
  estimateGas(recent: RecentHashes, ...call: PlacedRequest): Promise<bigint>;
  createAccessList(recent: RecentHashes, ...call: PlacedRequest): Promise<AccessListOutcome>;
  simulate(recent: RecentHashes, request: SimulationRequest, base: PlacedBase, full: boolean): Promise<string>;
  traceBlock(recent: RecentHashes, block: PlacedBlock, tracer: TracerSpec, limits: TraceLimits): Promise<readonly string[]>;
  /** Traces the last transaction. */
  traceTransaction(recent: RecentHashes, block: PlacedBlock, tracer: TracerSpec, limits: TraceLimits): Promise<string>;
  traceCall(recent: RecentHashes, call: PlacedCall, tracer: TracerSpec, limits: TraceLimits): Promise<string>;
}

export type PlacedRequest = readonly [CallRequest, PlacedPosition, readonly AccountOverride[]];

/** Served by the thread of JSON-RPC. */
export interface ExecutorHostApi {
  /** As StateNodes.nodes. */
  stateNodes(stateRoot: Hash, changes: readonly ChangedAccount[]): Promise<readonly Bytes[]>;
}

export function placedPosition({ state, env }: CallPosition): PlacedPosition {
  return { place: placeOf(state), env };
}

export async function placedBlock({ parentState, env, transactions }: TracedBlock): Promise<PlacedBlock> {
  return { parentPlace: placeOf(parentState), env, transactions: await packTransactions(transactions) };
}
