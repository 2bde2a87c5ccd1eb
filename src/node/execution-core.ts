import { RecoveryPool } from '../crypto/recovery-pool.ts';
import { EthereumJsEngine } from '../execution/ethereumjs/engine.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Genesis } from '../protocol/genesis.ts';
import type { ExecutionEngine } from '../protocol/ports/execution.ts';
import type { WorldState } from '../protocol/ports/state.ts';
import { Mempool } from '../sequencer/mempool.ts';
import { createSequencerMetrics, observeMempool } from '../sequencer/sequencer-metrics.ts';
import type { SequencerMetrics } from '../sequencer/sequencer-modules.ts';
import { TransactionIngress } from '../sequencer/transaction-ingress.ts';
import { OverlayState } from '../state/overlay-state.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import { type RootsHost, startRootsThread } from '../state/roots-host.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';
import type { SequencerSettings } from './settings.ts';

/** A transaction that takes longer is dropped: at 2^24 gas an honest one needs a tenth of it. */
const MAX_TRANSACTION_MS = 2_000;

/** The way of a transaction through a sequencer: recovery, pool, engine, roots. */
export interface ExecutionCore {
  readonly world: WorldState;
  readonly engine: ExecutionEngine;
  /** Without a time limit: what was included once is executed again however slow the machine is now. */
  readonly replayEngine: ExecutionEngine;
  readonly roots: RootsHost;
  readonly mempool: Mempool;
  readonly ingress: TransactionIngress;
  readonly metrics: SequencerMetrics;
  /** Told of new transactions once the loop runs. */
  readonly loop: { wake: () => void };
}

export function createExecutionCore(
  settings: SequencerSettings,
  genesis: Genesis,
  parts: { storage: ChainStorage; recentHeaders: RecentHeaders; metrics: Metrics; life: Lifecycle },
): ExecutionCore {
  const { storage, recentHeaders, metrics, life } = parts;
  const { chainId, maxTransactionGas, baseFeeFloorWei, gasLimit } = genesis;
  const world = new OverlayState(storage.state);
  const blockHash = (number: number) => recentHeaders.hashForExecution(number);
  const engine = new EthereumJsEngine({ chainId, maxExecutionMs: MAX_TRANSACTION_MS }, { state: world, blockHash });
  const replayEngine = new EthereumJsEngine({ chainId }, { state: world, blockHash });
  const roots = startRootsThread({ blocks: settings.proofBlocks });
  life.onStop('roots thread', () => roots.stop());
  life.watch(roots.failed);
  const recovery = new RecoveryPool({ thread: true });
  life.onStop('recovery thread', () => recovery.stop());
  life.watch(recovery.failed);
  const mempool = new Mempool(
    {
      ...{ chainId, baseFeeFloorWei, ordering: settings.ordering },
      // What fits into no block would hold up everything behind it.
      maxTransactionGas: maxTransactionGas < gasLimit ? maxTransactionGas : gasLimit,
      maxTransactions: settings.mempoolMaxTransactions,
      maxPerSender: settings.mempoolMaxPerSender,
      lifetimeMs: settings.mempoolLifetimeMs,
    },
    // The pool looks at whatever anybody asks about: no witness is to prove that.
    { state: world.observer(), nowMs: () => performance.now() },
  );
  observeMempool(metrics, mempool);
  const loop = { wake: () => {} };
  const ingress = new TransactionIngress({ mempool, recovery, wake: () => loop.wake() });
  return { world, engine, replayEngine, roots, mempool, ingress, metrics: createSequencerMetrics(metrics), loop };
}
