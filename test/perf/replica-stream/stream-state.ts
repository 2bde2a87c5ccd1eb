import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import type { DiffPosition } from '../../../src/protocol/diff-codec.ts';
import type { StateSnapshot } from '../../../src/protocol/ports/state-snapshot.ts';
import type { Hash } from '../../../src/protocol/primitives.ts';
import { decodeStateDiff, type StateDiff } from '../../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../../src/state/arena/arena-state-trie.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';

/** What a seal says of the state behind its block. */
export interface SealedState {
  readonly registryDigest: Hash;
  /** Of the block's net diff. */
  readonly stateDiffDigest: Hash;
}

/**
 * The state that a stream is made beside: all that depends on how state is kept and how diffs travel. Its root is that of
 * genesis for ever unless it keeps roots: replicas take them by witness only, and a stream has none.
 */
export class StreamState {
  readonly #table = new StateTable();
  readonly #codec = createCompactCodec(this.#table.rows);
  readonly #trie = new ArenaStateTrie();
  readonly #keepsRoots: boolean;

  constructor(allocation: StateDiff, options: { readonly keepsRoots?: boolean } = {}) {
    this.#keepsRoots = options.keepsRoots ?? false;
    this.#table.apply(allocation, 0);
    this.#trie.apply(allocation);
  }

  /** The state at the end of the newest mini-block. */
  snapshot(number: number): StateSnapshot {
    return defined(this.#table.snapshot(number));
  }

  get root(): Hash {
    return this.#trie.root();
  }

  /** Encodes the diff of the next mini-block beside the state in front of it, and applies it. */
  commit(diff: StateDiff, position: DiffPosition): { readonly diffPayload: Bytes; readonly stateDiffDigest: Hash } {
    const resolved = this.#codec.resolve(diff);
    const result = { diffPayload: this.#codec.encode(resolved, position), stateDiffDigest: this.#codec.digest(resolved) };
    this.#table.applyRows(resolved, position.number);
    return result;
  }

  /** Closes the block of the mini-blocks `first` to `last`, of which `last` is the newest. */
  seal(first: number, last: number): SealedState {
    const net = defined(this.#table.netDiff(first - 1, last));
    if (this.#keepsRoots) this.#trie.apply(decodeStateDiff(net));
    this.#table.release(last);
    return { registryDigest: this.#table.mark().digest, stateDiffDigest: keccak256(net) };
  }
}
