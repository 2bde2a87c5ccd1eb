import type { Hash } from '../protocol/primitives.ts';
import { decodeStateDiff } from '../protocol/state-diff.ts';
import type { Bytes } from '../util/bytes.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { ArenaStateTrie } from './arena/arena-state-trie.ts';
import { fillTrie } from './state-root.ts';
import { type TableHandle, TableReader } from './table/table-reader.ts';
import { TrieHistory, type TrieHistoryOptions } from './trie-history.ts';
import { inlineHistory, type TrieHistoryHost, threadHistory } from './trie-history-host.ts';

/**
 * The state trie of a node that seals no blocks, for proofs: it follows block by block. Runs in a worker thread in
 * production.
 */
export class ProofTrie {
  readonly #state = new ArenaStateTrie({ keepsViews: true });
  /** Of the newest blocks that ended. */
  readonly history: TrieHistory;

  constructor(options: TrieHistoryOptions) {
    this.history = new TrieHistory(this.#state, options);
  }

  /** Fills an empty trie with the state of a table, whose owner must leave it as it is meanwhile. */
  load(handle: TableHandle): void {
    fillTrie(this.#state, TableReader.attach(handle).entries());
  }

  /** Applies the canonical bytes of a diff that ends no block: of one that ends, or what undoes blocks. */
  apply(diffBytes: Bytes): void {
    this.#state.apply(decodeStateDiff(diffBytes));
  }

  /** Ends a block, from here on its state can be proven; returns its state root. */
  endBlock(): Hash {
    return this.history.endBlock();
  }
}

/** {@link ProofTrie} behind a thread boundary; calls run in their order. */
export interface ProofTrieHost extends TrieHistoryHost {
  /** See {@link ProofTrie.load}; resolves when all of it was read. */
  load(handle: TableHandle): Promise<void>;
  /** Takes the bytes over. */
  apply(diffBytes: Bytes): void;
  endBlock(): Promise<Hash>;
  stop(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}

/** Bytes that are a whole buffer go over without being copied; nobody needs them here any more. */
function transferable({ buffer, byteLength }: Bytes): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}

/** Runs in a worker thread of its own. */
export function startProofTrieThread(history: TrieHistoryOptions): ProofTrieHost {
  const thread = new ThreadClient(workerUrl('proof-trie-worker', import.meta.url), history);
  return {
    load: (handle) => thread.call('load', handle),
    apply: (diffBytes) => thread.post('apply', diffBytes, transferable(diffBytes)),
    endBlock: () => thread.call('endBlock', undefined),
    ...threadHistory(thread),
    stop: () => thread.stop(),
    failed: thread.failed,
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineProofTrie(history: TrieHistoryOptions): ProofTrieHost {
  const trie = new ProofTrie(history);
  return {
    load: async (handle) => trie.load(handle),
    apply: (diffBytes) => trie.apply(diffBytes),
    endBlock: async () => trie.endBlock(),
    ...inlineHistory(trie.history),
    stop: async () => {},
    failed: new Promise<never>(() => {}),
  };
}
