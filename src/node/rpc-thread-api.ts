import type { LogLevel } from '../observability/logger.ts';
import type { BlockHeader } from '../protocol/block-header.ts';
import type { AttestationPolicy, NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { PoolCounts, PooledBytes, PoolPageEntry } from '../protocol/ports/pool.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { ResourceUsage } from '../protocol/ports/resources.ts';
import type { StateNodes } from '../protocol/ports/simulation.ts';
import type { WitnessReader } from '../protocol/ports/witnesses.ts';
import type { Address } from '../protocol/primitives.ts';
import type { RpcAddress, RpcServerOptions } from '../rpc/server.ts';
import type { StateBegin } from '../state/state-follower.ts';
import type { NamedRange } from '../state/table/net-range.ts';
import type { TableMoment } from '../state/table/table-moment.ts';
import type { TableHandle } from '../state/table/table-reader.ts';
import type { ChainBegin, ChainChange } from '../store/chain-change.ts';
import type { LogPlace } from '../store/log-place.ts';
import type { Bytes } from '../util/bytes.ts';
import type { SharedHistory } from './state-history-parts.ts';

/** What JSON-RPC is to serve, and how. */
export interface RpcThreadOptions {
  readonly server: RpcServerOptions;
  readonly chainId: number;
  readonly genesisHeader: BlockHeader;
  /** Of the chain's database, as the core thread opened it. */
  readonly database: string;
  /** Of the log index. */
  readonly logIndex: string;
  readonly blockIntervalMs: number;
  readonly logLimits: { readonly maxLogBlocks: number; readonly maxLogs: number };
  readonly callLimits: { readonly maxCallMs: number; readonly gasCap: bigint };
  /** See RpcLimits; `longestMs` is that of the longest call or trace. */
  readonly executions: { readonly executors: number; readonly quickCallMs: number; readonly longestMs: number };
  readonly node: Pick<NodeStatus, 'role' | 'version'>;
  readonly policy: Pick<AttestationPolicy, 'threshold' | 'proverCount'>;
  /** Whether {@link CoreServices.stateProofs} and stateNodes have a trie. */
  readonly provesState: boolean;
  /** Undefined: blocks whose state is on disk only are not proven. */
  readonly archiveProofs: { readonly maxWaitMs: number } | undefined;
  readonly maxTransactionGas: bigint;
  readonly logLevel: LogLevel;
}

/** What the thread is started with, early, as loading its code takes a while: the memory of the state is shared, not copied. */
export interface RpcThreadData {
  readonly state: TableHandle;
  /** See IndexedRange. */
  readonly indexedLogs: SharedArrayBuffer;
  /** Undefined: state is kept in memory only. */
  readonly history: SharedHistory | undefined;
}

/**
 * What the thread of JSON-RPC asks of the core thread, by name: functions of plain data, whose errors keep code, message
 * and meta. A service needs a line here, one in `rpc-core-services.ts` and a bound in `rpc-service.ts`.
 */
export interface CoreServices {
  readonly transactions: Pick<TransactionSink, 'submit' | 'pendingNonce'>;
  readonly pool: {
    find(hash: Bytes): Promise<PooledBytes | undefined>;
  };
  readonly arrivals: {
    /** Whether new transactions are to be told by {@link RpcThreadApi.onPooled}. */
    watch(isWatched: boolean): void;
  };
  readonly listing: { counts(): Promise<PoolCounts>; list(limit: number, sender?: Address): Promise<readonly PoolPageEntry[]> };
  readonly node: Omit<NodeStatus, 'role' | 'version'>;
  readonly stateProofs: StateProver;
  readonly stateNodes: StateNodes;
  readonly state: { rangeOf(from: number, to: number): NamedRange | undefined };
  readonly witnesses: WitnessReader;
  readonly resources: { read(): ResourceUsage };
  readonly provers: { excluded(): readonly Address[] };
  readonly log: { locate(miniBlockNumber: number): LogPlace | undefined };
}

/** A change of the chain with the moment of the state that goes with it: the newest, or that of a rollback's target. */
export interface FedChange {
  readonly change: ChainChange;
  readonly moment: TableMoment | undefined;
}

/** Chain and state as they are when the thread begins to follow them. */
export interface RpcBegin {
  readonly chain: ChainBegin;
  readonly state: StateBegin;
  /** Headers from below the block that the chain begins with here. */
  readonly olderHeaders: readonly BlockHeader[];
}

/** Served by the core thread. */
export interface CoreApi {
  invoke(service: string, method: string, args: readonly unknown[]): unknown;
  /** A line of the log, as JSON. */
  log(line: string): void;
}

/** Served by the thread of JSON-RPC. */
export interface RpcThreadApi {
  /** Begins to serve. @throws StrobeError RPC_LISTEN_FAILED and what the database throws */
  begin(options: RpcThreadOptions, begin: RpcBegin): Promise<RpcAddress>;
  /** Changes from {@link RpcThreadApi.begin} on, in order. */
  apply(changes: FedChange): void;
  onPooled(pooled: PooledBytes): void;
  /** The operator changed what is logged. */
  setLogLevel(level: LogLevel): void;
  /** The metrics of this thread as Prometheus text. */
  metrics(): Promise<string>;
  /** Answers what is under way, then closes everything. */
  stop(): Promise<void>;
}
