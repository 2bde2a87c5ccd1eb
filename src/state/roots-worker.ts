import { workerData } from 'node:worker_threads';
import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { BlockRoots, type CommittedMiniBlock, type WitnessRequest } from './block-roots.ts';
import type { TableHandle } from './table/table-reader.ts';
import type { TrieHistoryOptions } from './trie-history.ts';
import { historyHandlers } from './trie-history-host.ts';

const roots = new BlockRoots(workerData as TrieHistoryOptions);

serveThread({
  load: (diffBytes: Bytes) => roots.load(diffBytes),
  loadTable: (handle: TableHandle) => roots.loadTable(handle),
  ready: () => roots.ready(),
  append: (miniBlock: CommittedMiniBlock) => roots.append(miniBlock),
  roots: () => roots.roots(),
  seal: (request: WitnessRequest) => roots.seal(request),
  ...historyHandlers(roots.history),
});
