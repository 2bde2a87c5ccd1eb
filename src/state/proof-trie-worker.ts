import { workerData } from 'node:worker_threads';
import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { ProofTrie } from './proof-trie.ts';
import type { TableHandle } from './table/table-reader.ts';
import type { NodesRequest, ProofRequest, TrieHistoryOptions } from './trie-history.ts';

const trie = new ProofTrie(workerData as TrieHistoryOptions);

serveThread({
  load: (handle: TableHandle) => trie.load(handle),
  apply: (diffBytes: Bytes) => trie.apply(diffBytes),
  endBlock: () => trie.endBlock(),
  prove: (request: ProofRequest) => trie.prove(request),
  nodes: (request: NodesRequest) => trie.nodes(request),
  keepFrom: (safeRoot: Hash) => trie.keepFrom(safeRoot),
});
