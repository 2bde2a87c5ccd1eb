import type { StateProof } from '../protocol/ports/proofs.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import type { ThreadClient } from '../util/thread.ts';
import type { NodesRequest, ProofRequest, TrieHistory } from './trie-history.ts';

/** A {@link TrieHistory} behind a thread boundary; calls run behind what was given to its trie before. */
export interface TrieHistoryHost {
  /** See {@link TrieHistory.prove}. @throws StrobeError PROOF_NOT_AVAILABLE */
  prove(request: ProofRequest): Promise<StateProof>;
  /** See {@link TrieHistory.nodes}. @throws StrobeError PROOF_NOT_AVAILABLE */
  nodes(request: NodesRequest): Promise<Bytes[]>;
  /** See {@link TrieHistory.keepFrom}. */
  keepFrom(safeRoot: Hash): void;
}

/** The history in a thread that serves {@link historyHandlers}. */
export function threadHistory(thread: ThreadClient): TrieHistoryHost {
  return {
    prove: (request) => thread.call('prove', request),
    nodes: (request) => thread.call('nodes', request),
    keepFrom: (safeRoot) => thread.post('keepFrom', safeRoot),
  };
}

/** What the thread serves besides its trie's own handlers. */
export function historyHandlers(history: TrieHistory) {
  return {
    prove: (request: ProofRequest) => history.prove(request),
    nodes: (request: NodesRequest) => history.nodes(request),
    keepFrom: (safeRoot: Hash) => history.keepFrom(safeRoot),
  };
}

/** The history on the calling thread: for unit tests. */
export function inlineHistory(history: TrieHistory): TrieHistoryHost {
  return {
    prove: async (request) => history.prove(request),
    nodes: async (request) => history.nodes(request),
    keepFrom: (safeRoot) => history.keepFrom(safeRoot),
  };
}
