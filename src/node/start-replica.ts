import { join as joinPath } from 'node:path';
import type { BlockReexecutor } from '../fullnode/block-reexecutor.ts';
import { FileEvidenceStore } from '../fullnode/evidence/evidence-store.ts';
import { ForwardedPool } from '../fullnode/forwarded-pool.ts';
import { ForwardingSink } from '../fullnode/forwarding-sink.ts';
import { FullNode } from '../fullnode/full-node.ts';
import { createFullNodeMetrics } from '../fullnode/full-node-metrics.ts';
import type { NetworkNode } from '../network/network-node.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import type { NodeStatus } from '../protocol/ports/chain.ts';
import { chainRules } from '../prover-stub/block-job.ts';
import { NetDiffThread } from '../state/net-diff-thread.ts';
import { RecentHeaders } from '../state/recent-headers.ts';
import { WitnessThread } from '../state/witness/witness-thread.ts';
import { createChainPeerSource } from '../store/peer-source.ts';
import { createWallClock } from '../util/wall-clock.ts';
import { serveAdmin } from './admin-parts.ts';
import { followDa } from './da-parts.ts';
import { type GenesisChain, loadGenesisChain } from './genesis-chain.ts';
import { observeLadder } from './ladder-metrics.ts';
import { Lifecycle } from './lifecycle.ts';
import { createNetwork } from './network-parts.ts';
import { startObservability } from './observability-parts.ts';
import { openStorage } from './open-storage.ts';
import { proveFromOwnTrie } from './proof-parts.ts';
import { isRepairable, type ReplicaRepairParts, repairReplica } from './replica-repair.ts';
import { type Between, type Restart, RestartingNode } from './restarting-node.ts';
import { readResumeOrder } from './resume-tools.ts';
import { prepareRpc, serveRpc } from './rpc-parts.ts';
import type { NodeContext, RunningNode } from './running-node.ts';
import { SampledReexecution } from './sampled-reexecution.ts';
import type { ReplicaSettings } from './settings.ts';
import { logLimitsOf } from './settings-rpc.ts';
import { type JoinContext, serveSnapshotsOf, syncSnapshots } from './snapshot-sync-parts.ts';
import { SnapshotSyncRecord } from './snapshot-sync-record.ts';
import { maintainStorage } from './storage-upkeep.ts';
import { VERSION } from './version.ts';

/**
 * Wires a replica: storage, network, the following of the chain, then what serves users. One that takes a snapshot from
 * its peers is wired a second time, on the new state.
 */
export function startReplica(settings: ReplicaSettings, context: NodeContext): Promise<RunningNode> {
  const record = new SnapshotSyncRecord();
  return RestartingNode.start(async (restart) => {
    for (;;) {
      let asked: Between | undefined;
      // Who is asked while the node starts is not there yet.
      let ask: Restart = (between) => {
        asked = between;
      };
      const node = await startOnce(settings, context, { restart: (between) => ask(between), record });
      if (node !== undefined) {
        ask = restart;
        if (asked !== undefined) restart(asked);
        return node;
      }
      await asked?.();
    }
  });
}

/** Undefined: it repaired itself, and is to be wired anew when it has done what it asked for meanwhile. */
async function startOnce(settings: ReplicaSettings, context: NodeContext, join: JoinContext): Promise<RunningNode | undefined> {
  const life = new Lifecycle(context.logger);
  try {
    if (!(await wireReplica(settings, context, life, join))) {
      await life.stop();
      return undefined;
    }
    join.record.noteStarted();
    return life.node();
  } catch (error) {
    return life.fail(error);
  }
}

/** @returns false when it repaired what it could not start from, and does not run */
async function wireReplica(
  settings: ReplicaSettings,
  { logger, signal }: NodeContext,
  life: Lifecycle,
  join: JoinContext,
): Promise<boolean> {
  const chain = await loadGenesisChain(settings.genesis);
  const { genesis, identity } = chain;
  const metrics: Metrics = createMetrics();
  const started: StartedParts = {};
  await startObservability(settings, { metrics, logger, life, readiness: () => toReadiness(started) });

  // A replica's log is a copy that peers can give again: the operating system's word is enough.
  const { dataDir, logSegmentBytes, stateHistory } = settings;
  const logLimits = logLimitsOf(settings);
  const storage = await openStorage(
    { dataDir, chain, role: 'replica', durability: 'os', logSegmentBytes, logLimits, stateHistory },
    { logger, life },
  );
  const rpcHost = prepareRpc(dataDir, storage, life);
  const { store, log, chainState, witnesses, codec } = storage;
  const network = await createNetwork(settings, identity, {
    source: {
      ...createChainPeerSource({ head: () => started.fullNode?.head() ?? chainState.head(), log, chain: store, witnesses }),
      snapshots: serveSnapshotsOf(dataDir, { storage, life }),
    },
    ...{ metrics, memory: join.record.peers },
    logger: logger.child({ component: 'network' }),
  });
  const wallMs = createWallClock();
  const witnessThread = new WitnessThread();
  life.onStop('witness thread', () => witnessThread.stop());
  life.watch(witnessThread.failed);
  const { sampleRate } = settings;
  const netDiffs = new NetDiffThread(storage.state);
  life.onStop('net diff thread', () => netDiffs.stop());
  life.watch(netDiffs.failed);
  const evidence = await FileEvidenceStore.open(joinPath(dataDir, 'evidence'));
  const snapshots = syncSnapshots(settings, { ...join, chain, storage, network, metrics, logger });
  const fullNode = new FullNode(
    {
      ...{ identity, genesis, sampleRate, resume: await readResumeOrder(settings.resume, chain) },
      ...{ syncMode: settings.syncMode, snapshotGapBlocks: settings.syncSnapshotGapBlocks },
    },
    {
      ...{ chainState, chain: store, log, codec, netDiffs, gossip: network.gossip, peers: network.peers },
      verifyWitness: (witness, claim) => witnessThread.verify(witness, claim),
      keepWitness: (blockNumber, witness) => witnesses.put(blockNumber, witness),
      ...sampling(sampleRate, chain, life),
      ...{ evidence, snapshots, beginAnew: () => join.restart(async () => {}) },
      logger: logger.child({ component: 'fullnode' }),
      metrics: createFullNodeMetrics(metrics),
      clock: { nowUs: () => Math.floor(wallMs() * 1000) },
    },
  );
  const repairs = { chain, storage, network, evidence, snapshots, logger, started, life, signal };
  if (!(await recover(fullNode, settings, repairs))) return false;
  started.fullNode = fullNode;
  observeLadder(metrics, { chain: store, rootVerified: () => fullNode.status().rootVerifiedBlock });
  const proofs = await proveFromOwnTrie(settings, { storage, netDiffs, logger, life });
  const recentHeaders = new RecentHeaders();
  life.onStop('recent headers', await recentHeaders.follow(store, storage.snapshot?.headers));
  maintainStorage(settings, {
    ...{ chain, storage, recentHeaders, metrics, logger, life },
    settledBlock: () => store.safeNumber() ?? 0,
    postsToDa: false,
  });

  await network.start();
  life.onStop('network', () => network.stop());
  life.watch(network.failed);
  await fullNode.start();
  life.watch(fullNode.run());
  life.onStop('replica', () => fullNode.stop());
  if (settings.daDir !== undefined) {
    await followDa(settings.daDir, { chain: store, logger, life, firstBlock: store.base.header.number + 1 });
  }

  const node = createReplicaStatus(fullNode, network, join.record);
  const rpc = await serveRpc(settings, chain, {
    ...{ host: rpcHost, storage, node, metrics, logger, life },
    transactions: new ForwardingSink({ link: network.sequencerLink }),
    pool: new ForwardedPool({ link: network.sequencerLink }),
    ...proofs,
    isExcludedProver: (prover) => fullNode.isExcludedProver(prover),
  });
  started.isServing = true;
  await serveAdmin(settings, { network, node, logger, life });
  logger.info({ rpc, peers: network.addresses() }, 'following the chain');
  return true;
}

interface StartedParts {
  fullNode?: FullNode;
  isServing?: boolean;
  /** What holds up the start. */
  obstacle?: (() => string) | undefined;
}

interface RepairParts extends Omit<ReplicaRepairParts, 'onObstacle'> {
  readonly started: StartedParts;
  readonly life: Lifecycle;
  readonly signal: AbortSignal;
}

/** False: the log could not be replayed, and what stood in its way is repaired. */
async function recover(fullNode: FullNode, settings: ReplicaSettings, parts: RepairParts): Promise<boolean> {
  try {
    await fullNode.recover();
    return true;
  } catch (failure) {
    if (!isRepairable(failure)) throw failure;
    const { network, started, life, signal } = parts;
    await network.start();
    life.onStop('network', () => network.stop());
    const onObstacle = (reason: StartedParts['obstacle']): void => {
      started.obstacle = reason;
    };
    await repairReplica(failure, settings, { ...parts, onObstacle }, signal);
    return false;
  }
}

/** Execution comes from the prover's side of the house: the replica itself has none. */
function sampling(sampleRate: number, { genesis, identity }: GenesisChain, life: Lifecycle): { reexecute?: BlockReexecutor } {
  if (sampleRate === 0) return {};
  const reexecution = new SampledReexecution(chainRules(genesis, identity));
  life.onStop('sampled re-execution', () => reexecution.stop());
  return { reexecute: (block) => reexecution.run(block) };
}

function toReadiness({ fullNode, isServing = false, obstacle }: StartedParts): { ready: boolean; reason?: string } {
  if (fullNode === undefined) return { ready: false, reason: obstacle?.() ?? 'STARTING' };
  const { isReady, reason } = fullNode.ready();
  // In step before it serves: whoever waits for it wants to ask it something.
  if (isReady && !isServing) return { ready: false, reason: 'STARTING' };
  return reason === undefined ? { ready: isReady } : { ready: isReady, reason };
}

/** What a replica says of itself over JSON-RPC. */
function createReplicaStatus(fullNode: FullNode, network: NetworkNode, record: SnapshotSyncRecord): NodeStatus {
  return {
    role: 'replica',
    version: VERSION,
    describe: async () => ({ ...fullNode.status(), lastSnapshotSync: record.summary() ?? null }),
    syncing: async () => fullNode.syncing(),
    peerCount: async () => network.peerCount(),
    peers: () => network.standings(),
    equivocations: async () => fullNode.equivocations(),
  };
}
