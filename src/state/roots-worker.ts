import { workerData } from 'node:worker_threads';
import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { BlockRoots, type CommittedMiniBlock, type WitnessRequest } from './block-roots.ts';
import type { TableHandle } from './table/table-reader.ts';
import type { NodesRequest, ProofRequest, TrieHistoryOptions } from './trie-history.ts';

const roots = new BlockRoots(workerData as TrieHistoryOptions);

serveThread({
  load: (diffBytes: Bytes) => roots.load(diffBytes),
  loadTable: (handle: TableHandle) => roots.loadTable(handle),
  ready: () => roots.ready(),
  append: (miniBlock: CommittedMiniBlock) => roots.append(miniBlock),
  roots: () => roots.roots(),
  seal: (request: WitnessRequest) => roots.seal(request),
  prove: (request: ProofRequest) => roots.prove(request),
  nodes: (request: NodesRequest) => roots.nodes(request),
  keepFrom: (safeRoot: Hash) => roots.keepFrom(safeRoot),
});
