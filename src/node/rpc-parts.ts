import type { Logger, LogLevel } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { genesisHeader } from '../protocol/genesis.ts';
import type { NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { Address } from '../protocol/primitives.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type ChainStorage, chainDirectory } from './open-storage.ts';
import { openRpcThread, RpcThread } from './rpc-thread.ts';
import type { RpcThreadOptions } from './rpc-thread-api.ts';

export interface RpcParts {
  readonly storage: Pick<ChainStorage, 'store' | 'state' | 'chainState' | 'log' | 'snapshot'>;
  readonly transactions: TransactionSink;
  readonly stateProofs: StateProver | undefined;
  readonly node: NodeStatus;
  readonly isExcludedProver: (prover: Address) => boolean;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly life: Lifecycle;
}

/** Serves JSON-RPC from a thread of its own, the same on every role; resolves with its URL. */
export async function serveRpc(
  settings: { readonly dataDir: string; readonly rpcHost: string; readonly rpcPort: number },
  chain: GenesisChain,
  parts: RpcParts,
): Promise<string> {
  const { genesis, stateRoot } = chain;
  const { storage, transactions, stateProofs, node, logger, life } = parts;
  const { store, state, chainState, log, snapshot } = storage;
  const options: RpcThreadOptions = {
    server: { host: settings.rpcHost, port: settings.rpcPort, baseFeeFloorWei: genesis.baseFeeFloorWei },
    chainId: genesis.chainId,
    genesisHeader: genesisHeader(genesis, stateRoot),
    database: chainDirectory(settings.dataDir),
    node: { role: node.role, version: node.version },
    policy: { threshold: genesis.threshold, proverCount: genesis.provers.length },
    provesState: stateProofs !== undefined,
    seesPool: transactions.subscribePending !== undefined,
    logLevel: logger.level as LogLevel,
  };
  const thread = new RpcThread(openRpcThread({ options, state: state.share() }), {
    ...parts,
    ...{ store, state, chainState, log, provers: genesis.provers, olderHeaders: snapshot?.headers ?? [] },
  });
  life.onStop('JSON-RPC', () => thread.stop());
  life.watch(thread.failed);
  const address = await thread.start();
  return `http://${address.host}:${address.port}`;
}
