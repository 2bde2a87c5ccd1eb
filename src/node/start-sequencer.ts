import { join } from 'node:path';
import { assertKeySafe } from '../crypto/well-known-keys.ts';
import type { NetworkNode } from '../network/network-node.ts';
import type { Logger } from '../observability/logger.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { createSigner, type Signer } from '../protocol/signing.ts';
import { AttestationDesk } from '../sequencer/attestation-desk.ts';
import { attestationLag, observeAttestationLag } from '../sequencer/attestation-lag.ts';
import { ProverExclusions } from '../sequencer/prover-exclusions.ts';
import { Sequencer } from '../sequencer/sequencer.ts';
import { RecentHeaders } from '../state/recent-headers.ts';
import { createChainPeerSource } from '../store/peer-source.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { createWallClock } from '../util/wall-clock.ts';
import { serveAdmin } from './admin-parts.ts';
import { configError } from './config-error.ts';
import { postToDa } from './da-parts.ts';
import { createExecutionCore, type ExecutionCore } from './execution-core.ts';
import { type GenesisChain, loadGenesisChain } from './genesis-chain.ts';
import { observeLadder } from './ladder-metrics.ts';
import { Lifecycle } from './lifecycle.ts';
import { createNetwork } from './network-parts.ts';
import { startObservability } from './observability-parts.ts';
import { type ChainStorage, openStorage } from './open-storage.ts';
import { proveFromRoots } from './proof-parts.ts';
import { prepareRpc, serveRpc } from './rpc-parts.ts';
import type { NodeContext, RunningNode } from './running-node.ts';
import { prepareEpoch } from './sequencer-epoch.ts';
import { createSequencerStatus } from './sequencer-status.ts';
import type { SequencerSettings } from './settings.ts';
import { loadNodeKey } from './settings-password.ts';
import { logLimitsOf } from './settings-rpc.ts';
import { serveSnapshotsOf } from './snapshot-sync-parts.ts';
import { maintainStorage } from './storage-upkeep.ts';

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

async function wireSequencer(settings: SequencerSettings, context: NodeContext, life: Lifecycle): Promise<void> {
  const { logger } = context;
  const chain = await loadGenesisChain(settings.genesis);
  const signer = await loadSigner(settings, chain);
  const metrics: Metrics = createMetrics();
  const health = { ready: false, reason: 'STARTING' };
  await startObservability(settings, { metrics, logger, life, readiness: () => health });

  const { dataDir, durability, logSegmentBytes, stateHistory } = settings;
  const logLimits = logLimitsOf(settings);
  const storage = await openStorage(
    { dataDir, chain, role: 'sequencer', durability, logSegmentBytes, logLimits, stateHistory },
    { logger, life },
  );
  const rpcHost = prepareRpc(dataDir, storage, life);
  const recentHeaders = new RecentHeaders();
  life.onStop('recent headers', await recentHeaders.follow(storage.store, storage.snapshot?.headers));
  const core = createExecutionCore(settings, chain.genesis, { storage, recentHeaders, metrics, life });
  const { network, desk, exclusions } = await joinNetwork(settings, chain, { storage, core, metrics, logger, life });
  const epoch = await prepareEpoch(
    { durability, signal: context.signal },
    { storage, network, desk, signer, identity: chain.identity, sequencerKeys: chain.genesis.sequencerKeys, logger, ...core },
  );
  const sequencer = startLoop(settings, chain, epoch, { storage, recentHeaders, core, network, signer, metrics, logger, life });
  core.loop.wake = () => sequencer.wake();
  // What was sealed here is never undone.
  const settledBlock = () => storage.store.head().header.number;
  maintainStorage(settings, { chain, storage, recentHeaders, metrics, logger, life, settledBlock, postsToDa: true });
  await postToDa(settings.daDir, { chain: storage.store, logger, life, log: storage.log });

  const { maxUnattestedBlocks } = chain.genesis;
  const lag = () => attestationLag(storage.store, maxUnattestedBlocks);
  observeAttestationLag(metrics, lag);
  // Its own roots need no proof here: it counts a block as proven once provers agree.
  observeLadder(metrics, { chain: storage.store, rootVerified: () => storage.store.safeNumber() ?? 0 });
  const node = createSequencerStatus({
    storage,
    epoch: () => epoch,
    pooled: () => core.mempool.size,
    network,
    excludedProvers: () => exclusions.list().map(({ prover }) => prover),
    attestationLag: lag,
    maxUnattestedBlocks,
  });
  const rpc = await serveRpc(settings, chain, {
    ...{ host: rpcHost, storage, transactions: core.ingress, pool: core.ingress.pool, node, metrics, logger, life },
    ...proveFromRoots(core.roots, { storage, logger, life }),
    isExcludedProver: (prover) => exclusions.isExcluded(prover),
  });
  await serveAdmin(settings, { network, node, logger, life });
  health.ready = true;
  health.reason = '';
  logger.info({ rpc, peers: network.addresses(), epoch }, 'sequencing');
}

interface SequencerParts {
  readonly storage: ChainStorage;
  readonly core: ExecutionCore;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly life: Lifecycle;
}

/** Peers read from the log, replicas forward transactions, provers' attestations move the safe head. */
async function joinNetwork(
  settings: SequencerSettings,
  chain: GenesisChain,
  { storage, core, metrics, logger, life }: SequencerParts,
): Promise<{ readonly network: NetworkNode; readonly desk: AttestationDesk; readonly exclusions: ProverExclusions }> {
  const { identity, genesis } = chain;
  const { store, log, chainState, witnesses } = storage;
  const network = await createNetwork(settings, identity, {
    source: {
      ...createChainPeerSource({ head: () => chainState.head(), log, chain: store, witnesses }),
      snapshots: serveSnapshotsOf(settings.dataDir, { storage, life }),
    },
    sequencer: core.ingress.service(),
    metrics,
    logger: logger.child({ component: 'network' }),
  });
  const exclusions = await ProverExclusions.open(join(settings.dataDir, 'excluded-provers.json'));
  const desk = new AttestationDesk({ identity, genesis }, { chain: store, logger, metrics: core.metrics, exclusions });
  await desk.assertUncontested();
  network.gossip.subscribe(
    'attestations',
    (message) => desk.receive(message),
    () => {},
  );
  await network.start();
  life.onStop('network', () => network.stop());
  life.watch(network.failed);
  const collecting = desk.run(life.signal);
  life.watch(collecting);
  life.onStop('attestation desk', () => collecting);
  return { network, desk, exclusions };
}

function startLoop(
  settings: SequencerSettings,
  { genesis, identity }: GenesisChain,
  epoch: number,
  parts: SequencerParts & { recentHeaders: RecentHeaders; network: NetworkNode; signer: Signer },
): Sequencer {
  const { storage, core, network, signer, recentHeaders, logger, life } = parts;
  const { store, log, state, chainState, witnesses, codec } = storage;
  const { engine, world, mempool, roots, metrics } = core;
  const sequencer = new Sequencer(
    { genesis, identity, epoch, miniBlockIntervalMs: settings.miniBlockIntervalMs ?? genesis.miniBlockIntervalMs },
    {
      ...{ signer, engine, world, mempool, roots, chainState, log, witnesses, recentHeaders, logger, metrics },
      ...{ chain: store, committed: state, codec, gossip: network.gossip },
      clock: { nowMs: createWallClock(), elapsedMs: () => performance.now() },
    },
  );
  const running = sequencer.run();
  life.watch(running);
  life.onStop('sequencer loop', () => {
    sequencer.stop();
    return running;
  });
  return sequencer;
}
