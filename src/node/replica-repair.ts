import type { EvidenceStore } from '../fullnode/evidence/evidence-store.ts';
import { DEFAULT_LIMITS } from '../fullnode/full-node-options.ts';
import { fetchLostRecords } from '../fullnode/lost-records.ts';
import { leadsOn } from '../fullnode/snapshot-sync/leads-on.ts';
import type { SnapshotSyncModules } from '../fullnode/snapshot-sync/snapshot-sync-types.ts';
import { StartRepair } from '../fullnode/start-repair.ts';
import type { NetworkNode } from '../network/network-node.ts';
import type { Logger } from '../observability/logger.ts';
import { isStrobeError, type StrobeError } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { ChainStorage } from './open-storage.ts';
import type { ReplicaSettings } from './settings.ts';
import { newestLogged } from './unlogged-blocks.ts';

export interface ReplicaRepairParts {
  readonly chain: GenesisChain;
  readonly storage: ChainStorage;
  /** It runs. */
  readonly network: NetworkNode;
  readonly evidence: EvidenceStore;
  readonly snapshots: SnapshotSyncModules;
  /** Shows what is being done; undefined: nothing that is known of. */
  readonly onObstacle: (reason: (() => string) | undefined) => void;
  readonly logger: Logger;
}

/** Failures of a start that say that log, store and state do not belong together any more. */
export function isRepairable(error: unknown): error is StrobeError {
  return isStrobeError(error, 'LOG_BEHIND_STORE') || isStrobeError(error, 'LOG_REPLAY_MISMATCH');
}

/**
 * Makes good what a replica could not replay its log for; it is to be wired anew then.
 * @throws StrobeError `failure` when no peer helps
 */
export async function repairReplica(
  failure: StrobeError,
  settings: Pick<ReplicaSettings, 'syncMode' | 'syncSnapshotGapBlocks'>,
  { chain, storage, network, evidence, snapshots, onObstacle, logger }: ReplicaRepairParts,
  signal: AbortSignal,
): Promise<void> {
  const { genesis, identity } = chain;
  const { store, log, chainState } = storage;
  logger.error({ code: failure.code, ...failure.meta }, `this node repairs itself from its peers: ${failure.message}`);
  const repair = new StartRepair(
    {
      ...{ failure, identity, provers: genesis.provers, threshold: genesis.threshold },
      ...{ number: Number(failure.meta['number'] ?? failure.meta['logNumber']), repairWithinMs: DEFAULT_LIMITS.repairWithinMs },
      ...{ mode: settings.syncMode, gapBlocks: settings.syncSnapshotGapBlocks },
    },
    {
      ...snapshots,
      logger,
      onObstacle,
      point: () => ({ headNumber: chainState.head().number, headBlock: store.head().header.number }),
      excludedProvers: () => evidence.excludedProvers(),
      leadsOn: (offer) => leadsOn(offer, { chain: store, log }),
      hasPeers: async () => (await network.peers.heads()).length > 0,
      refill: async (stopping) => {
        const from = await newestLogged({ store, log });
        if (from === undefined || from.blockNumber === store.head().header.number) return false;
        return fetchLostRecords(from, { identity, genesis }, { peers: network.peers, log, chain: store, logger }, stopping);
      },
    },
  );
  await repair.run(signal);
  signal.throwIfAborted();
}
