import type { StateProof } from '../protocol/ports/proofs.ts';
import type { Hash } from '../protocol/primitives.ts';
import { decodeStateDiff } from '../protocol/state-diff.ts';
import type { Bytes } from '../util/bytes.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { ArenaStateTrie } from './arena/arena-state-trie.ts';
import { fillTrie } from './state-root.ts';
import { type TableHandle, TableReader } from './table/table-reader.ts';
import { type NodesRequest, type ProofRequest, TrieHistory, type TrieHistoryOptions } from './trie-history.ts';

/**
 * The state trie of a node that seals no blocks, for proofs: it follows block by block. Runs in a worker thread in
 * production.
 */
export class ProofTrie {
  readonly #state = new ArenaStateTrie({ keepsViews: true });
  readonly #history: TrieHistory;

  constructor(options: TrieHistoryOptions) {
    this.#history = new TrieHistory(this.#state, options);
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
    return this.#history.endBlock();
  }

  /** See {@link TrieHistory.prove}. */
  prove(request: ProofRequest): StateProof {
    return this.#history.prove(request);
  }

  /** See {@link TrieHistory.nodes}. */
  nodes(request: NodesRequest): Bytes[] {
    return this.#history.nodes(request);
  }

  /** See {@link TrieHistory.keepFrom}. */
  keepFrom(safeRoot: Hash): void {
    this.#history.keepFrom(safeRoot);
  }
}

/** {@link ProofTrie} behind a thread boundary; calls run in their order. */
export interface ProofTrieHost {
  /** See {@link ProofTrie.load}; resolves when all of it was read. */
  load(handle: TableHandle): Promise<void>;
  /** Takes the bytes over. */
  apply(diffBytes: Bytes): void;
  endBlock(): Promise<Hash>;
  /** @throws StrobeError PROOF_NOT_AVAILABLE */
  prove(request: ProofRequest): Promise<StateProof>;
  /** @throws StrobeError PROOF_NOT_AVAILABLE */
  nodes(request: NodesRequest): Promise<Bytes[]>;
  keepFrom(safeRoot: Hash): void;
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
    prove: (request) => thread.call('prove', request),
    nodes: (request) => thread.call('nodes', request),
    keepFrom: (safeRoot) => thread.post('keepFrom', safeRoot),
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
    prove: async (request) => trie.prove(request),
    nodes: async (request) => trie.nodes(request),
    keepFrom: (safeRoot) => trie.keepFrom(safeRoot),
    stop: async () => {},
    failed: new Promise<never>(() => {}),
  };
}
