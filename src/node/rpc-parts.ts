import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import { EthereumJsSimulator } from '../execution/ethereumjs/simulator.ts';
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
import type { RecentHeaders } from '../state/recent-headers.ts';
import { invariant } from '../util/errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';
import { proveReceipts } from './proof-parts.ts';

/**
 * Longest call or estimate, ms. It keeps the core thread to itself: on a sequencer that stops the clock, so it is a
 * quarter of the silence after which replicas report a stall; who needs longer asks a replica.
 */
const MAX_CALL_MS = { sequencer: 500, replica: 2_000 } as const;

export interface RpcParts {
  readonly storage: Pick<ChainStorage, 'store' | 'state' | 'chainState'>;
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
  settings: { readonly rpcHost: string; readonly rpcPort: number },
  { chainId, baseFeeFloorWei, blockIntervalMs, threshold, provers }: Genesis,
  parts: RpcParts,
): Promise<string> {
  const { storage, recentHeaders, transactions, pool, stateProofs, stateNodes, node, metrics, logger, life } = parts;
  const { store: chain, state, chainState } = storage;
  const blockHash = (number: number) => recentHeaders.hashOf(number);
  const maxCallMs = MAX_CALL_MS[node.role];
  const calls = new EthereumJsCallExecutor({ chainId, maxCallMs }, { state, blockHash });
  const simulator = new EthereumJsSimulator(
    { chainId, maxCallMs, baseFeeFloorWei, blockSeconds: Math.ceil(blockIntervalMs / 1_000) },
    { newestState: (since) => newestStateOf(state, since), blockHash, stateNodes },
  );
  const stateAt = (blockNumber: number) => chainState.stateAt(blockNumber);
  const forks = strobeForks(chain.genesisHash);
  const receiptProofs = proveReceipts({ logger, life });
  const attestationPolicy = { threshold, proverCount: provers.length, isExcluded: parts.isExcludedProver };
  const rpc = createRpcServer(
    { host: settings.rpcHost, port: settings.rpcPort, baseFeeFloorWei },
    {
      backend: {
        ...{ state, stateAt, chain, forks, calls, simulator, transactions, pool },
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
