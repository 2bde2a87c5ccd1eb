import type { StateProof } from '../../protocol/ports/proofs.ts';
import type { ProofRequest } from '../trie-history.ts';
import type { ArchiveMoveReport, ArchiveMoveRequest } from './archive-trie.ts';

/** An {@link ArchiveTrie} behind a thread boundary; calls run in their order. */
export interface ArchiveTrieHost {
  /** See {@link ArchiveTrie.moveTo}. */
  moveTo(request: ArchiveMoveRequest): Promise<ArchiveMoveReport>;
  /** See {@link ArchiveTrie.prove}. @throws StrobeError PROOF_NOT_AVAILABLE */
  prove(request: ProofRequest): Promise<StateProof>;
  /** Breaks off a move under way; what waits rejects with THREAD_STOPPED. */
  stop(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}
