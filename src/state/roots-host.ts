import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { BlockRoots, type CommittedMiniBlock, type SealedRoots, type SealedWitness, type WitnessRequest } from './block-roots.ts';
import type { TableHandle } from './table/table-reader.ts';
import { DEFAULT_HISTORY, type TrieHistoryOptions } from './trie-history.ts';
import { inlineHistory, type TrieHistoryHost, threadHistory } from './trie-history-host.ts';

/** {@link BlockRoots} behind a thread boundary: the same work in a worker thread or on the calling thread. */
export interface RootsHost extends TrieHistoryHost {
  /** Adds committed state, as canonical diffs, before the first block. */
  load(diffBytes: Bytes): void;
  /** See {@link BlockRoots.loadTable}; {@link RootsHost.ready} resolves when all of it was read. */
  loadTable(handle: TableHandle): void;
  /** Ends loading; resolves with the state root of what was loaded. */
  ready(): Promise<Hash>;
  append(miniBlock: CommittedMiniBlock): void;
  /** Roots of the open block, quickly: nearly all was hashed with its mini-blocks. */
  roots(): Promise<SealedRoots>;
  /** The witness of the open block; ends it. */
  seal(request: WitnessRequest): Promise<SealedWitness>;
  stop(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}

/** Runs in a worker thread of its own. */
export function startRootsThread(history: TrieHistoryOptions = DEFAULT_HISTORY): RootsHost {
  const thread = new ThreadClient(workerUrl('roots-worker', import.meta.url), history);
  return {
    load: (diffBytes) => thread.post('load', diffBytes),
    loadTable: (handle) => thread.post('loadTable', handle),
    ready: () => thread.call('ready', undefined),
    append: (miniBlock) => thread.post('append', miniBlock),
    roots: () => thread.call('roots', undefined),
    seal: (request) => thread.call('seal', request),
    ...threadHistory(thread),
    stop: () => thread.stop(),
    failed: thread.failed,
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineRoots(history?: TrieHistoryOptions): RootsHost {
  const roots = new BlockRoots(history);
  return {
    load: (diffBytes) => roots.load(diffBytes),
    loadTable: (handle) => roots.loadTable(handle),
    ready: async () => roots.ready(),
    append: (miniBlock) => roots.append(miniBlock),
    roots: async () => roots.roots(),
    seal: async (request) => roots.seal(request),
    ...inlineHistory(roots.history),
    stop: async () => {},
    failed: new Promise<never>(() => {}),
  };
}
