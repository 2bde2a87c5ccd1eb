import { workerData } from 'node:worker_threads';
import { StopFlag } from '../../util/stop-flag.ts';
import { serveThread } from '../../util/thread.ts';
import { yieldToOtherThreads } from '../../util/thread-priority.ts';
import { openLevel } from '../level-database.ts';
import { LogIndexDatabase } from './log-index-database.ts';
import type { AddRequest, LogIndexThreadData } from './log-index-host.ts';
import { LogIndexer } from './log-indexer.ts';

const options = workerData as LogIndexThreadData;
const flag = new StopFlag(options.stopping);

yieldToOtherThreads();
const chain = await openLevel(options.chainDirectory, { multithreading: true });
const index = await LogIndexDatabase.open(options.directory);
const indexer = new LogIndexer(options.genesisHash, { chain, index, isStopping: () => flag.isRaised });

serveThread({
  begin: () => indexer.begin(),
  clear: () => indexer.clear(),
  add: ({ indexed, to }: AddRequest) => indexer.add(indexed, to),
  dropBelow: (first: number) => indexer.dropBelow(first),
  close: async () => {
    await index.close();
    await chain.close();
  },
});
