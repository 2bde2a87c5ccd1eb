import type { Logger, LogLevel } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { genesisHeader } from '../protocol/genesis.ts';
import type { NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { PoolReader } from '../protocol/ports/pool.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { StateNodes } from '../protocol/ports/simulation.ts';
import type { Address } from '../protocol/primitives.ts';
import type { WorkerHost } from '../util/worker-host.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';
import { logIndexDirectory } from './log-index-parts.ts';
import { type ChainStorage, chainDirectory } from './open-storage.ts';
import { openRpcThread, RpcThread } from './rpc-thread.ts';
import type { RpcThreadOptions } from './rpc-thread-api.ts';
import { logLimitsOf, type RpcSettings, rpcServerOptions } from './settings-rpc.ts';
import { stateHistoryDirectory } from './state-history-parts.ts';

export interface RpcParts {
  readonly host: WorkerHost;
  readonly storage: Pick<ChainStorage, 'store' | 'state' | 'chainState' | 'log' | 'witnesses' | 'snapshot'>;
  readonly transactions: TransactionSink;
  readonly pool: PoolReader;
  readonly stateProofs: StateProver | undefined;
  readonly stateNodes: StateNodes | undefined;
  readonly node: NodeStatus;
  readonly isExcludedProver: (prover: Address) => boolean;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly life: Lifecycle;
}

type ServedSettings = RpcSettings & { readonly dataDir: string; readonly proofArchive: boolean };

/** Loads the thread of JSON-RPC beside what else a node has to do when it starts. */
export function prepareRpc(
  dataDir: string,
  { state, indexedLogs, history }: Pick<ChainStorage, 'state' | 'indexedLogs' | 'history'>,
  life: Lifecycle,
): WorkerHost {
  const host = openRpcThread({
    state: state.share(),
    indexedLogs: indexedLogs.shared,
    history: history && { directory: stateHistoryDirectory(dataDir), reach: history.sharedReach },
  });
  life.onStop('thread of JSON-RPC', () => host.close());
  return host;
}

/** Serves JSON-RPC from its thread, the same on every role; resolves with its URL. */
export async function serveRpc(settings: ServedSettings, chain: GenesisChain, parts: RpcParts): Promise<string> {
  const { host, storage, logger, life } = parts;
  const { store, state, chainState, log, witnesses, snapshot } = storage;
  const { provers } = chain.genesis;
  const olderHeaders = snapshot?.headers ?? [];
  const thread = new RpcThread(host, { ...parts, ...{ store, state, chainState, log, witnesses, provers, olderHeaders } });
  life.onStop('JSON-RPC', () => thread.stop());
  life.watch(thread.failed);
  const address = await thread.start(optionsOf(settings, chain, parts, logger.level as LogLevel));
  return `http://${address.host}:${address.port}`;
}

function optionsOf(
  settings: ServedSettings,
  { genesis, stateRoot }: GenesisChain,
  { node, stateProofs }: RpcParts,
  logLevel: LogLevel,
): RpcThreadOptions {
  return {
    server: { ...rpcServerOptions(settings), baseFeeFloorWei: genesis.baseFeeFloorWei },
    chainId: genesis.chainId,
    genesisHeader: genesisHeader(genesis, stateRoot),
    database: chainDirectory(settings.dataDir),
    logIndex: logIndexDirectory(settings.dataDir),
    blockIntervalMs: genesis.blockIntervalMs,
    logLimits: logLimitsOf(settings),
    callLimits: { maxCallMs: settings.rpcMaxCallMs, gasCap: BigInt(settings.rpcCallGasCap) },
    executions: {
      executors: settings.rpcExecutors,
      quickCallMs: settings.rpcQuickCallMs,
      longestMs: Math.max(settings.rpcMaxCallMs, settings.rpcMaxTraceMs),
    },
    node: { role: node.role, version: node.version },
    policy: { threshold: genesis.threshold, proverCount: genesis.provers.length },
    provesState: stateProofs !== undefined,
    archiveProofs: settings.proofArchive ? { maxWaitMs: settings.rpcMaxProofMs } : undefined,
    maxTransactionGas: genesis.maxTransactionGas,
    logLevel,
  };
}
