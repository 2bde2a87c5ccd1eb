import { workerData } from 'node:worker_threads';
import { type ArchiveMoveRequest, ArchiveTrie } from '../state/archive/archive-trie.ts';
import { HistoryReach } from '../state/history-reach.ts';
import { TableReader } from '../state/table/table-reader.ts';
import type { ProofRequest } from '../state/trie-history.ts';
import { HistoryReader } from '../store/state-history/history-reader.ts';
import { StopFlag } from '../util/stop-flag.ts';
import { serveThread } from '../util/thread.ts';
import { yieldToOtherThreads } from '../util/thread-priority.ts';
import type { ArchiveTrieData } from './archive-trie-thread.ts';

const { state, history, stopping } = workerData as ArchiveTrieData;
const flag = new StopFlag(stopping);
// What is asked meanwhile waits in the thread's port.
const stored = await HistoryReader.open(history.directory);
const trie = new ArchiveTrie({
  reader: TableReader.attach(state),
  openStored: () => stored.moment(),
  reach: HistoryReach.attach(history.reach),
  isStopping: () => flag.isRaised,
});

yieldToOtherThreads();
serveThread({
  moveTo: (request: ArchiveMoveRequest) => trie.moveTo(request),
  prove: (request: ProofRequest) => trie.prove(request),
  close: () => stored.close(),
});
