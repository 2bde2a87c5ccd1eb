import type { StateProof } from '../protocol/ports/proofs.ts';
import type { ChangedAccount } from '../protocol/ports/simulation.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { type ArenaStateTrie, MAX_VIEWS } from './arena/arena-state-trie.ts';

/** What is to be proven; a message to the trie's thread. */
export interface ProofRequest {
  /** In the header of the block whose state is meant. */
  readonly stateRoot: Hash;
  readonly address: Address;
  readonly keys: readonly Hash[];
}

/** Which parts of a trie are asked for; a message to the trie's thread. */
export interface NodesRequest {
  /** In the header of the block whose state is meant. */
  readonly stateRoot: Hash;
  readonly changes: readonly ChangedAccount[];
}

/** How far back states can be proven, and what that may cost. */
export interface TrieHistoryOptions {
  /** Newest blocks whose state can be proven, besides those from the safe one on; at least 1. */
  readonly blocks: number;
  /** Bytes of old nodes beyond which the oldest of these blocks go, but not the safe block and those above it. */
  readonly maxBytes?: number;
  /** Bytes of old nodes beyond which the safe block goes, too: the trie needs the rest of its 4 GiB. */
  readonly maxSafeBytes?: number;
}

/** As many blocks as can be read (HISTORY_BLOCKS of chain-state.ts). */
export const DEFAULT_HISTORY: TrieHistoryOptions = { blocks: 128 };

const MIB = 1024 * 1024;
/** About 1.5 KB a transaction: two and a half minutes at 1,000 a second. */
const DEFAULT_MAX_BYTES = 256 * MIB;
/** Five minutes at 1,000 a second without an attestation. */
const DEFAULT_MAX_SAFE_BYTES = 512 * MIB;

/** The views of a trie at the ends of recent blocks, by their state root. */
export class TrieHistory {
  readonly #trie: ArenaStateTrie;
  readonly #blocks: number;
  readonly #maxBytes: number;
  readonly #maxSafeBytes: number;
  /** Roots of the views that are kept, the oldest first. */
  readonly #roots: { readonly view: number; readonly root: string }[] = [];
  readonly #views = new Map<string, number>();
  /** 0: the safe block is below all of them. */
  #safeView = 0;

  /** @param trie one that keeps views */
  constructor(trie: ArenaStateTrie, { blocks, maxBytes, maxSafeBytes }: TrieHistoryOptions) {
    this.#trie = trie;
    this.#blocks = Math.max(1, blocks);
    this.#maxBytes = maxBytes ?? DEFAULT_MAX_BYTES;
    this.#maxSafeBytes = maxSafeBytes ?? DEFAULT_MAX_SAFE_BYTES;
  }

  /** The state is that at the end of a block now, and can be proven from here on. @throws StrobeError TRIE_ARENA_FAILED */
  endBlock(): Hash {
    const root = this.#trie.root();
    const view = this.#trie.startBlock();
    this.#roots.push({ view, root: toKey(root) });
    this.#views.set(toKey(root), view);
    this.#trim();
    return root;
  }

  /** The safe block has this state root: it and what is above it stay. Without effect when its state is not kept. */
  keepFrom(root: Hash): void {
    this.#safeView = this.#views.get(toKey(root)) ?? this.#safeView;
    this.#trim();
  }

  /**
   * Proofs that lead to a state root.
   * @throws StrobeError PROOF_NOT_AVAILABLE when no state with that root is kept; TRIE_ARENA_FAILED
   */
  prove({ stateRoot, address, keys }: ProofRequest): StateProof {
    return this.#trie.proof(this.#viewOf(stateRoot), address, keys);
  }

  /**
   * The nodes below a state root that changes need (ports/simulation.ts).
   * @throws StrobeError PROOF_NOT_AVAILABLE when no state with that root is kept; TRIE_ARENA_FAILED
   */
  nodes({ stateRoot, changes }: NodesRequest): Bytes[] {
    return this.#trie.nodesFor(this.#viewOf(stateRoot), changes);
  }

  #viewOf(stateRoot: Hash): number {
    const view = this.#views.get(toKey(stateRoot));
    if (view !== undefined) return view;
    const meta = { stateRoot: toHex(stateRoot), blocks: this.#roots.length };
    throw new StrobeError('PROOF_NOT_AVAILABLE', 'no state with this root is kept', meta);
  }

  #trim(): void {
    for (;;) {
      const [oldest] = this.#roots;
      // The newest view is that of the open block, which the trie needs.
      if (oldest === undefined || this.#roots.length === 1 || !this.#isTooMuch(oldest.view)) return;
      this.#roots.shift();
      // A state that came again has a newer view.
      if (this.#views.get(oldest.root) === oldest.view) this.#views.delete(oldest.root);
      this.#trie.forgetOldestView();
    }
  }

  #isTooMuch(view: number): boolean {
    const { historyBytes } = this.#trie.usage();
    if (view >= this.#safeView) return historyBytes > this.#maxSafeBytes || this.#roots.length >= MAX_VIEWS;
    return this.#roots.length > this.#blocks || historyBytes > this.#maxBytes;
  }
}
