import type { SnapshotSyncModules } from '../fullnode/snapshot-sync/snapshot-sync-types.ts';
import type { NetworkNode } from '../network/network-node.ts';
import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import { ServedSnapshots } from '../store/snapshot/snapshot-source.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';
import type { Restart } from './restarting-node.ts';
import { checkSnapshotFile } from './snapshot-check.ts';
import { replaceState, snapshotDirectory, stagingDirectory, takeStaged } from './snapshot-import.ts';
import { FileSnapshotStaging } from './snapshot-staging.ts';
import type { SnapshotSyncRecord } from './snapshot-sync-record.ts';

interface SnapshotSyncSettings {
  readonly dataDir: string;
  /** The genesis file. */
  readonly genesis: string;
}

/** What a replica needs to begin anew with a snapshot. */
export interface JoinContext {
  readonly restart: Restart;
  readonly record: SnapshotSyncRecord;
}

interface SnapshotSyncParts extends JoinContext {
  readonly chain: GenesisChain;
  readonly storage: ChainStorage;
  readonly network: NetworkNode;
  readonly metrics: MetricFactory;
  readonly logger: Logger;
}

/** Lets a replica take a snapshot from its peers, and begin anew with it. */
export function syncSnapshots(settings: SnapshotSyncSettings, parts: SnapshotSyncParts): SnapshotSyncModules {
  const { dataDir, genesis } = settings;
  const { chain, storage, network, metrics, logger, restart, record } = parts;
  const staging = new FileSnapshotStaging(
    { directory: stagingDirectory(dataDir), chain },
    { store: storage.store, check: (path, signal) => checkSnapshotFile({ path, genesis }, signal) },
  );
  return {
    peers: network.snapshots,
    staging,
    metrics: record.metrics(metrics),
    banned: record.banned,
    repaired: record.repaired,
    onTaken: ({ blockNumber, attestations, repairs, keepsChain }) => {
      const { path } = staging;
      record.beginSwitch();
      logger.info({ block: blockNumber }, 'the node begins anew with the snapshot of its peers');
      restart(async () => {
        if (keepsChain) await replaceState(dataDir, path);
        if (keepsChain || (await takeStaged(dataDir, path, attestations))) record.noteTaken(blockNumber, repairs);
        else logger.info({ block: blockNumber }, 'this node has come as far without the snapshot of its peers');
      });
    },
  };
}

/** Serves what a node keeps of snapshots to its peers. */
export function serveSnapshotsOf(
  dataDir: string,
  { storage, life }: { readonly storage: Pick<ChainStorage, 'store' | 'log'>; readonly life: Lifecycle },
): ServedSnapshots {
  const { store, log } = storage;
  const served = new ServedSnapshots({ directory: snapshotDirectory(dataDir) }, { chain: store, log });
  life.onStop('served snapshots', () => served.close());
  return served;
}
