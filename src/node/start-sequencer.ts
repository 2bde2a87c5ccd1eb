import { RecoveryPool } from '../crypto/recovery-pool.ts';
import { assertKeySafe } from '../crypto/well-known-keys.ts';
import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import { EthereumJsEngine } from '../execution/ethereumjs/engine.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { createSigner } from '../protocol/signing.ts';
import type { Signer } from '../protocol/signing.ts';
import { createRpcServer } from '../rpc/server.ts';
import { AttestationDesk } from '../sequencer/attestation-desk.ts';
import { Mempool } from '../sequencer/mempool.ts';
import { Sequencer } from '../sequencer/sequencer.ts';
import { createSequencerMetrics, observeMempool } from '../sequencer/sequencer-metrics.ts';
import { TransactionIngress } from '../sequencer/transaction-ingress.ts';
import { RecentHeaders } from '../state/recent-headers.ts';
import { startRootsThread } from '../state/roots-host.ts';
import { createChainPeerSource } from '../store/peer-source.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { configError } from './config-error.ts';
import { postToDa } from './da-parts.ts';
import { type GenesisChain, loadGenesisChain } from './genesis-chain.ts';
import { Lifecycle } from './lifecycle.ts';
import { createNetwork } from './network-parts.ts';
import { startObservability } from './observability-parts.ts';
import { DIFF_CODEC, openStorage } from './open-storage.ts';
import type { NodeContext, RunningNode } from './running-node.ts';
import { createSequencerStatus } from './sequencer-status.ts';
import { prepareEpoch } from './sequencer-epoch.ts';
import type { SequencerSettings } from './settings.ts';
import { loadNodeKey } from './settings-password.ts';

/** A transaction that takes longer is dropped: at 2^24 gas an honest one needs a tenth of it. */
const MAX_TRANSACTION_MS = 2_000;

/** Wires a sequencer: storage, execution, pool, network, loop, then what serves users. */
export async function startSequencer(settings: SequencerSettings, context: NodeContext): Promise<RunningNode> {
  const life = new Lifecycle(context.logger);
  try {
    await wireSequencer(settings, context, life);
    return life.node();
  } catch (error) {
    return life.fail(error);
  }
}

async function loadSigner(settings: SequencerSettings, { genesis }: GenesisChain): Promise<Signer> {
  const { address, privateKey } = await loadNodeKey(settings);
  assertKeySafe(address, [settings.rpcHost, settings.metricsHost, ...settings.p2pListen]);
  if (!genesis.sequencerKeys.some((key) => bytesEqual(key, address))) {
    throw configError([`the key ${toHex(address)} is not one of strobe.sequencerKeys in ${settings.genesis}`]);
  }
  return createSigner(address, privateKey);
}

async function wireSequencer(settings: SequencerSettings, { logger, signal }: NodeContext, life: Lifecycle): Promise<void> {
  const chain = await loadGenesisChain(settings.genesis);
  const signer = await loadSigner(settings, chain);
  const metrics: Metrics = createMetrics();
  const { genesis, identity } = chain;
  const health = { ready: false, reason: 'starting' };
  await startObservability(settings, { metrics, logger, life, readiness: () => health });

  const { dataDir, durability } = settings;
  const storage = await openStorage({ dataDir, chain, durability }, { logger, life });
  const { store, log, state, chainState, witnesses } = storage;
  const recentHeaders = new RecentHeaders();
  life.onStop('recent headers', await recentHeaders.follow(store));
  const blockHash = (number: number) => recentHeaders.hashOf(number);

  const world = state.overlay();
  const engineOptions = { chainId: genesis.chainId, maxExecutionMs: MAX_TRANSACTION_MS };
  const engine = new EthereumJsEngine(engineOptions, { state: world, blockHash });
  const roots = startRootsThread();
  life.onStop('roots thread', () => roots.stop());
  life.watch(roots.failed);
  const recovery = new RecoveryPool({ thread: true });
  life.onStop('recovery thread', () => recovery.stop());
  life.watch(recovery.failed);

  const mempool = new Mempool(
    {
      chainId: genesis.chainId,
      maxTransactionGas: genesis.maxTransactionGas,
      baseFeeFloorWei: genesis.baseFeeFloorWei,
      maxTransactions: settings.mempoolMaxTransactions,
      maxPerSender: settings.mempoolMaxPerSender,
      lifetimeMs: settings.mempoolLifetimeMs,
      ordering: settings.ordering,
    },
    { state: world, nowMs: () => Date.now() },
  );
  observeMempool(metrics, mempool);
  const loop: { sequencer?: Sequencer } = {};
  const ingress = new TransactionIngress({ mempool, recovery, wake: () => loop.sequencer?.wake() });

  const network = await createNetwork(settings, identity, {
    source: createChainPeerSource({ head: () => chainState.head(), log, chain: store, witnesses }),
    sequencer: ingress.service(),
    metrics,
    logger: logger.child({ component: 'network' }),
  });
  const sequencerMetrics = createSequencerMetrics(metrics);
  const desk = new AttestationDesk({ identity, genesis }, { chain: store, logger, metrics: sequencerMetrics });
  network.gossip.subscribe(
    'attestations',
    (message) => desk.receive(message),
    () => {},
  );
  await network.start();
  life.onStop('network', () => network.stop());
  life.watch(network.failed);

  const epoch = await prepareEpoch({ durability, signal }, { storage, network, signer, identity, roots, engine, world, logger });
  const clock = { nowMs: () => performance.timeOrigin + performance.now() };
  const sequencer = new Sequencer(
    { genesis, identity, epoch, miniBlockIntervalMs: settings.miniBlockIntervalMs ?? genesis.miniBlockIntervalMs },
    {
      ...{ signer, engine, world, mempool, roots, chainState, log, witnesses, recentHeaders, clock, logger },
      ...{ chain: store, committed: state, codec: DIFF_CODEC, gossip: network.gossip, metrics: sequencerMetrics },
    },
  );
  loop.sequencer = sequencer;

  const calls = new EthereumJsCallExecutor({ chainId: genesis.chainId }, { state, blockHash });
  const node = createSequencerStatus({
    storage,
    epoch: () => epoch,
    pooled: () => mempool.size,
    peerCount: () => network.peerCount(),
  });
  const rpc = createRpcServer(
    { host: settings.rpcHost, port: settings.rpcPort, baseFeeFloorWei: genesis.baseFeeFloorWei },
    { backend: { state, stateAt: (block) => chainState.stateAt(block), chain: store, calls, transactions: ingress, node }, logger, metrics },
  );

  const running = sequencer.run();
  life.watch(running);
  life.onStop('sequencer loop', () => {
    sequencer.stop();
    return running;
  });
  const collecting = desk.run(life.signal);
  life.watch(collecting);
  life.onStop('attestation desk', () => collecting);
  await postToDa(settings.daDir, { chain: store, logger, life, log });
  const address = await rpc.start();
  life.onStop('JSON-RPC', () => rpc.stop());
  health.ready = true;
  health.reason = '';
  logger.info({ rpc: `http://${address.host}:${address.port}`, peers: network.addresses(), epoch }, 'sequencing');
}
