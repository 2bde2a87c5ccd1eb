import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import { EthereumJsSimulator } from '../execution/ethereumjs/simulator.ts';
import { EthereumJsTracer } from '../execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { strobeForks } from '../protocol/fork-config.ts';
import type { Genesis } from '../protocol/genesis.ts';
import type { NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { PoolReader } from '../protocol/ports/pool.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { NewestState, StateNodes } from '../protocol/ports/simulation.ts';
import type { CommittedState } from '../protocol/ports/state.ts';
import type { Address } from '../protocol/primitives.ts';
import { decodeStateDiff } from '../protocol/state-diff.ts';
import { createRpcServer } from '../rpc/server.ts';
import { MiniBlockChanges } from '../state/mini-block-changes.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import { invariant } from '../util/errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';
import { proveReceipts } from './proof-parts.ts';
import { type RpcSettings, rpcServerOptions } from './settings-rpc.ts';

export interface RpcParts {
  readonly storage: Pick<ChainStorage, 'store' | 'state' | 'chainState' | 'witnesses'>;
  readonly recentHeaders: RecentHeaders;
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

/** Serves JSON-RPC, the same on every role; resolves with its URL. */
export async function serveRpc(
  settings: RpcSettings,
  { chainId, baseFeeFloorWei, blockIntervalMs, threshold, provers }: Genesis,
  parts: RpcParts,
): Promise<string> {
  const { storage, recentHeaders, transactions, pool, stateProofs, stateNodes, node, metrics, logger, life } = parts;
  const { store: chain, state, chainState, witnesses } = storage;
  const blockHash = (number: number) => recentHeaders.hashOf(number);
  const callLimits = { maxCallMs: settings.rpcMaxCallMs, gasCap: BigInt(settings.rpcCallGasCap) };
  const calls = new EthereumJsCallExecutor({ chainId, ...callLimits }, { state, blockHash });
  const simulator = new EthereumJsSimulator(
    { chainId, ...callLimits, baseFeeFloorWei, blockSeconds: Math.ceil(blockIntervalMs / 1_000) },
    { newestState: (since) => newestStateOf(state, since), blockHash, stateNodes },
  );
  const tracer = new EthereumJsTracer({ chainId, gasCap: callLimits.gasCap }, { blockHash });
  const stateAt = (blockNumber: number) => chainState.stateAt(blockNumber);
  const forks = strobeForks(chain.genesisHash);
  const receiptProofs = proveReceipts({ logger, life });
  const stateChanges = new MiniBlockChanges({ chain, state });
  stateChanges.start();
  life.onStop('state changes', () => stateChanges.stop());
  const attestationPolicy = { threshold, proverCount: provers.length, isExcluded: parts.isExcludedProver };
  const rpc = createRpcServer(
    { ...rpcServerOptions(settings), baseFeeFloorWei },
    {
      backend: {
        ...{ state, stateAt, stateHistory: chainState, chain, stateChanges, forks, calls, simulator, tracer, transactions },
        ...{ pool, witnesses },
        ...{ stateProofs, receiptProofs, node, attestationPolicy },
      },
      logger: logger.child({ component: 'rpc' }),
      metrics,
    },
  );
  const address = await rpc.start();
  life.onStop('JSON-RPC', () => rpc.stop());
  return `http://${address.host}:${address.port}`;
}

function newestStateOf(state: CommittedState, since: number | undefined): NewestState {
  const { number } = state;
  const newest = state.at(number);
  invariant(newest !== undefined, 'old values reach up to the newest mini-block');
  const changes = since === undefined ? undefined : state.netDiff(since, number);
  return { state: newest, changes: changes && decodeStateDiff(changes) };
}
