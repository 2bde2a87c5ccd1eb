import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import { pruneBelow } from '../store/log-retention.ts';
import { errorMessage } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';
import { buildLogIndex } from './log-index-parts.ts';
import type { ChainStorage } from './open-storage.ts';
import { keepSnapshots } from './snapshot-parts.ts';

export interface UpkeepSettings {
  readonly dataDir: string;
  readonly snapshotBlocks: number;
  readonly snapshotLogBytes: number;
  readonly logRetainBytes: number;
  readonly historyBlocks: number;
}

interface UpkeepParts {
  readonly chain: GenesisChain;
  readonly storage: ChainStorage;
  readonly recentHeaders: RecentHeaders;
  readonly metrics: MetricFactory;
  readonly logger: Logger;
  readonly life: Lifecycle;
  /** The newest block that is never undone here. */
  readonly settledBlock: () => number;
  /** True where blocks are posted to the data availability layer from here. */
  readonly postsToDa: boolean;
}

/** Keeps the data directory in order while the node runs: snapshots, what they make superfluous of the log, the log index, history. */
export function maintainStorage(settings: UpkeepSettings, parts: UpkeepParts): void {
  const { chain, storage, logger, life, metrics, postsToDa } = parts;
  const { store, log } = storage;
  const prune = async (snapshot: number): Promise<void> => {
    const firstUnattested = await firstMiniBlockBehind(storage, store.safeNumber() ?? 0);
    const firstUnposted = postsToDa ? await firstMiniBlockBehind(storage, store.finalizedNumber() ?? 0) : undefined;
    await log.prune(pruneBelow({ snapshot, firstUnattested, firstUnposted }, log.segments, settings.logRetainBytes));
  };
  keepSnapshots(
    { ...settings, chain },
    {
      ...parts,
      onWritten: (lastMiniBlock) => {
        // What could not be removed now is removed behind the next snapshot.
        prune(lastMiniBlock).catch((error: unknown) =>
          logger.error({ err: error }, `the log is not pruned: ${errorMessage(error)}`),
        );
      },
    },
  );
  observeStorage(metrics, storage);
  buildLogIndex(
    { dataDir: settings.dataDir, genesisHash: chain.identity.genesisHash },
    { chain: store, range: storage.indexedLogs, metrics, life },
  );
  if (settings.historyBlocks === 0) return;
  const pruning = store.pruner({ keepBlocks: settings.historyBlocks }, log).run(life.signal);
  life.watch(pruning);
  life.onStop('history pruner', () => pruning);
}

/** First mini-block of the block behind `blockNumber`. */
async function firstMiniBlockBehind({ store }: ChainStorage, blockNumber: number): Promise<number> {
  return ((await store.sealOf(blockNumber))?.lastNumber ?? 0) + 1;
}

function observeStorage(factory: MetricFactory, { log, state, store, chainState, history }: ChainStorage): void {
  factory.gauge({
    name: 'oldest_state_block_number',
    help: 'Oldest block whose state can be read; it goes up by leaps when the history of the state had to begin anew',
    collect: (gauge) => gauge.set(chainState.oldestState()),
  });
  factory.gauge({
    name: 'state_history_pending_blocks',
    help: 'Sealed blocks whose changes wait to be stored in the history of the state; 0 where there is none',
    collect: (gauge) => gauge.set(history?.pending ?? 0),
  });
  factory.gauge({
    name: 'oldest_block_number',
    help: 'Oldest block whose transactions, receipts and logs are kept; 1 until history is pruned',
    collect: async (gauge) => gauge.set(await store.oldestBlock()),
  });
  factory.gauge({
    name: 'log_bytes',
    help: 'Bytes of the write-ahead log on disk',
    collect: (gauge) => gauge.set(log.bytes),
  });
  factory.gauge({
    name: 'log_first_number',
    help: 'Number of the oldest mini-block in the write-ahead log; 0 while it is empty',
    collect: (gauge) => gauge.set(log.firstNumber() ?? 0),
  });
  factory.gauge({
    name: 'state_memory_bytes',
    help: 'Memory of the flat state with its index, codes and old values',
    collect: (gauge) => gauge.set(state.memoryBytes),
  });
  factory.gauge({
    name: 'state_accounts',
    help: 'Accounts that were ever changed: rows of the state table',
    collect: (gauge) => gauge.set(state.mark().accounts),
  });
  factory.gauge({
    name: 'state_slots',
    help: 'Storage slots that were ever changed: rows of the state table',
    collect: (gauge) => gauge.set(state.mark().slots),
  });
}
