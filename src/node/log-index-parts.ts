import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { IndexedRange } from '../store/log-index/indexed-range.ts';
import { LogIndexDatabase } from '../store/log-index/log-index-database.ts';
import { LogIndexFollower } from '../store/log-index/log-index-follower.ts';
import { LogIndexThread } from '../store/log-index/log-index-host.ts';
import { LogIndexReader } from '../store/log-index/log-index-reader.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import type { Lifecycle } from './lifecycle.ts';

/** The end of the log index that searches read. */
export interface OpenLogIndex {
  readonly reader: LogIndexReader;
  readonly range: IndexedRange;
}

/** Where the index lies: threads that share it open it under the very same path. */
export function logIndexDirectory(dataDir: string): string {
  return join(dataDir, 'log-index');
}

/** Opens the index for searches; one that cannot be opened is removed and will be built again. @throws StrobeError LOCKED */
export async function openLogIndex(
  dataDir: string,
  { logger, life }: { readonly logger: Logger; readonly life: Lifecycle },
): Promise<OpenLogIndex> {
  const directory = logIndexDirectory(dataDir);
  const database = await LogIndexDatabase.open(directory).catch(async (error: unknown) => {
    if (isStrobeError(error, 'LOCKED')) throw error;
    logger.warn({ err: error }, `the log index is built again: ${errorMessage(error)}`);
    await rm(directory, { recursive: true, force: true });
    return LogIndexDatabase.open(directory);
  });
  life.onStop('log index', () => database.close());
  const range = new IndexedRange();
  return { reader: new LogIndexReader(database, range), range };
}

/** Builds the index beside the chain for as long as the node runs. */
export function buildLogIndex(
  { dataDir, genesisHash }: { readonly dataDir: string; readonly genesisHash: Hash },
  { chain, range, metrics, life }: { chain: ChainStore; range: IndexedRange; metrics: MetricFactory; life: Lifecycle },
): void {
  const thread = new LogIndexThread({
    directory: logIndexDirectory(dataDir),
    chainDirectory: join(dataDir, 'chain'),
    genesisHash,
  });
  life.watch(thread.failed);
  const follower = new LogIndexFollower({ builder: thread, chain, range });
  const following = follower.run(life.signal);
  life.watch(following);
  life.onStop('log index thread', async () => {
    thread.interrupt();
    // Its failure is what ended the node, and is told by that.
    await following.catch(() => {});
    await thread.stop();
  });
  metrics.gauge({
    name: 'log_index_lag_blocks',
    help: 'Sealed blocks that are not in the log index yet: logs in them are found by their blooms',
    collect: (gauge) => gauge.set(follower.lag),
  });
}
