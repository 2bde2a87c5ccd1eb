import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import type { TableHandle } from '../state/table/table-reader.ts';
import type { RetainedSegment } from '../store/log-retention.ts';
import { SnapshotSchedule } from '../store/snapshot/snapshot-schedule.ts';
import type { SnapshotManifest, SnapshotPoint } from '../store/snapshot/snapshot-types.ts';
import { invariant } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';
import { snapshotDirectory } from './snapshot-import.ts';
import { createSnapshotMetrics } from './snapshot-metrics.ts';
import { SnapshotRunner } from './snapshot-runner.ts';
import { type SnapshotHost, startSnapshotThread } from './snapshot-thread.ts';

export interface SnapshotOptions {
  readonly dataDir: string;
  readonly chain: GenesisChain;
  /** Bytes and blocks logged behind which a snapshot is due. */
  readonly snapshotLogBytes: number;
  readonly snapshotBlocks: number;
}

interface SnapshotParts {
  readonly storage: ChainStorage;
  readonly recentHeaders: RecentHeaders;
  readonly metrics: MetricFactory;
  readonly logger: Logger;
  readonly life: Lifecycle;
  /** The newest block that is never undone: a snapshot above it could be of another chain one day. */
  readonly settledBlock: () => number;
  /** A snapshot is whole. */
  readonly onWritten: (lastMiniBlock: number) => void;
}

/** Writes snapshots of the state in a thread of their own, as blocks come. To be called when the log is replayed. */
export function keepSnapshots(options: SnapshotOptions, parts: SnapshotParts): void {
  const { chain, dataDir, snapshotBlocks, snapshotLogBytes } = options;
  const { storage, life, logger, settledBlock, onWritten } = parts;
  const { store, snapshot } = storage;
  const { genesisHash } = chain.identity;
  const host = startSnapshotThread<TableHandle>({ directory: snapshotDirectory(dataDir), genesisHash });
  life.watch(host.failed);
  const runner = new SnapshotRunner({
    schedule: new SnapshotSchedule(
      { blocks: snapshotBlocks, logBytes: snapshotLogBytes },
      { block: snapshot?.header.number ?? 0, logBytes: bytesBehind(storage.log.segments, snapshot?.head.number ?? 0) },
    ),
    write: async (blockNumber) => {
      const manifest = await writeSnapshot(blockNumber, host, chain, parts);
      onWritten(manifest.head.number);
      return manifest;
    },
    cancel: () => host.stop(),
    metrics: createSnapshotMetrics(parts.metrics),
    logger: logger.child({ component: 'snapshots' }),
  });
  const unsubscribe = store.subscribe((event) => {
    if (event.kind === 'miniBlock') {
      const { diffPayload, bodyPayload } = event.miniBlock.miniBlock;
      runner.noteLogged(diffPayload.length + bodyPayload.length);
    }
    if (event.kind === 'block' || event.kind === 'safe') runner.offer(store.head().header.number, settledBlock());
  });
  life.onStop('snapshots', async () => {
    unsubscribe();
    await runner.stop();
  });
}

/** Bytes of the segments that have records behind mini-block `number`. */
function bytesBehind(segments: readonly RetainedSegment[], number: number): number {
  return segments
    .filter((_, index) => (segments[index + 1]?.firstNumber ?? Number.POSITIVE_INFINITY) > number)
    .reduce((sum, { end }) => sum + end, 0);
}

async function writeSnapshot(
  blockNumber: number,
  host: SnapshotHost<TableHandle>,
  chain: GenesisChain,
  { storage, recentHeaders }: SnapshotParts,
): Promise<SnapshotManifest> {
  const { store, state, chainState } = storage;
  const seal = await store.sealOf(blockNumber);
  invariant(seal !== undefined, 'a snapshot is made of a sealed block');
  const release = state.retain(seal.lastNumber);
  try {
    const last = await store.miniBlock(seal.lastNumber);
    invariant(last !== undefined, 'the last mini-block of a sealed block is stored');
    const { epoch, number, timestampUs } = last.miniBlock.envelope;
    const point: SnapshotPoint = {
      genesisHash: chain.identity.genesisHash,
      chainId: chain.genesis.chainId,
      head: { epoch, number, digest: last.miniBlock.digest, timestampUs },
      last: last.miniBlock,
      seal,
      headers: await recentHeaders.upTo(blockNumber),
      // The head may be further, in an epoch that opened above the block.
      epochStarts: chainState.epochStarts().filter(({ lastNumber }) => lastNumber <= number),
    };
    // After a power failure the database must not end below the snapshot.
    await store.markSnapshot(blockNumber);
    return await host.write({ point, handle: state.share() });
  } finally {
    release();
  }
}
