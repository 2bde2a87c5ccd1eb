import { workerData } from 'node:worker_threads';
import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { ProofTrie } from './proof-trie.ts';
import type { TableHandle } from './table/table-reader.ts';
import type { TrieHistoryOptions } from './trie-history.ts';
import { historyHandlers } from './trie-history-host.ts';

const trie = new ProofTrie(workerData as TrieHistoryOptions);

serveThread({
  load: (handle: TableHandle) => trie.load(handle),
  apply: (diffBytes: Bytes) => trie.apply(diffBytes),
  endBlock: () => trie.endBlock(),
  ...historyHandlers(trie.history),
});
