import { orderKeys } from '../../protocol/compact-diff/key-order.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { type Bytes, toKeyOf } from '../../util/bytes.ts';
import { BRANCH_WIDTH, HASH_BYTES, nibbleAt } from '../trie-node.ts';
import { type ArenaExports, MAX_NODE_BYTES, type Pointer } from './arena-module.ts';
import type { ArenaWalk } from './arena-walk.ts';

/** A key that a witness must cover, as its hash. */
export interface CoveredKey {
  readonly hash: Hash;
  /** It may be deleted: a branch left with one child merges with it. */
  readonly deleted: boolean;
}

/** Nodes are copied into pieces of memory of this size: one for each of them would cost more than all else. */
const PIECE_BYTES = 1 << 20;

/**
 * Collects, each once and parents before children, the nodes from which partial tries can read every key, prove
 * absence, and apply puts on all keys and deletions of the deleted ones in any order: what `collectWitnessNodes` of
 * trie-witness.ts gives.
 */
export class ArenaWitness {
  readonly nodes: Bytes[] = [];
  readonly #arena: ArenaExports;
  readonly #walk: ArenaWalk;
  readonly #memory: Bytes;
  /** Where the module writes a node. */
  readonly #node: Bytes;
  readonly #known = new Set<string>();
  #piece: Bytes = new Uint8Array(PIECE_BYTES);
  #pieceLength = 0;
  #keys: SortedKeys = sortKeys([]);

  constructor(arena: ArenaExports, walk: ArenaWalk) {
    this.#arena = arena;
    this.#walk = walk;
    this.#memory = new Uint8Array(arena.memory.buffer);
    this.#node = new Uint8Array(arena.memory.buffer, arena.NODE.value, MAX_NODE_BYTES);
  }

  /** Takes in the nodes of the account trie (owner 0) or of an account's storage trie. */
  collect(owner: Pointer, root: Hash, keys: readonly CoveredKey[]): void {
    const top = this.#walk.top(owner);
    if (top === 0 || keys.length === 0) return;
    this.#keys = sortKeys(keys);
    if (this.#isNew(root, 0)) this.#add(top, 0);
    this.#descend(top, 0, 0, keys.length);
  }

  /** Goes on below a node, which starts at nibble `from` and was added, with the keys from `first` up to `end`. */
  #descend(node: Pointer, from: number, first: number, end: number): void {
    const depth = this.#arena.branchDepth(node);
    if (depth < 0) return;
    if (depth === from) this.#visitBranch(node, depth, first, end);
    else this.#visitExtension(node, from, depth, first, end);
  }

  #visitExtension(node: Pointer, from: number, depth: number, first: number, end: number): void {
    const at = this.#arena.pathKey(node) >>> 0;
    const path = this.#memory.subarray(at, at + HASH_BYTES);
    let passing = first;
    while (passing < end && !this.#follows(passing, path, from, depth)) passing++;
    let passed = passing;
    while (passed < end && this.#follows(passed, path, from, depth)) passed++;
    // A key put here splits the extension; deleting it again joins the halves, which looks at the branch.
    if (passing === passed && !this.#keys.anyDeleted(first, end)) return;
    this.#addUnderExtension(node, from, depth);
    if (passing < passed) this.#visitBranch(node, depth, passing, passed);
  }

  #visitBranch(node: Pointer, depth: number, first: number, end: number): void {
    const mask = this.#arena.childMask(node);
    const whole = this.#keys.anyDeleted(first, end) && this.#mayCollapse(mask, depth, first, end);
    for (let nibble = 0, start = first; nibble < BRANCH_WIDTH; nibble++) {
      const behind = this.#keys.endOf(nibble, depth, start, end);
      if ((mask & (1 << nibble)) !== 0 && (whole || behind > start)) {
        const child = this.#arena.child(node, nibble);
        // 0: the child is part of its parent.
        const hash = this.#arena.childHash(node, nibble) >>> 0;
        if (hash !== 0 && this.#isNew(this.#memory, hash)) this.#add(child, depth + 1);
        if (behind > start) this.#descend(child, depth + 1, start, behind);
      }
      start = behind;
    }
  }

  /** True when the deletions, in the worst case and order, leave at most one child. */
  #mayCollapse(mask: number, depth: number, first: number, end: number): boolean {
    let staying = 0;
    for (let nibble = 0, start = first; nibble < BRANCH_WIDTH; nibble++) {
      const behind = this.#keys.endOf(nibble, depth, start, end);
      if ((mask & (1 << nibble)) !== 0 && !this.#keys.anyDeleted(start, behind)) staying++;
      start = behind;
    }
    return staying <= 1;
  }

  /** True when a key follows the path from nibble `from` to a branch at `depth`. */
  #follows(key: number, path: Bytes, from: number, depth: number): boolean {
    for (let i = from; i < depth; i++) if (this.#keys.nibble(key, i) !== nibbleAt(path, i)) return false;
    return true;
  }

  /** The hash of a branch below its extension is the end of the extension's RLP. */
  #addUnderExtension(branch: Pointer, from: number, depth: number): void {
    if (this.#arena.encodeBranch(branch) < HASH_BYTES) return;
    const length = this.#arena.encodeNode(branch, from);
    if (this.#isNew(this.#node, length - HASH_BYTES)) this.#add(branch, depth);
  }

  /** True the first time that a node with the hash at `at` comes. */
  #isNew(bytes: Bytes, at: number): boolean {
    const before = this.#known.size;
    this.#known.add(toKeyOf(bytes, at, at + HASH_BYTES));
    return this.#known.size > before;
  }

  #add(node: Pointer, from: number): void {
    const length = this.#arena.encodeNode(node, from);
    if (this.#pieceLength + MAX_NODE_BYTES > PIECE_BYTES) {
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#pieceLength = 0;
    }
    // All that a node could be: what is too much is overwritten by the next one.
    this.#piece.set(this.#node, this.#pieceLength);
    this.nodes.push(this.#piece.subarray(this.#pieceLength, this.#pieceLength + length));
    this.#pieceLength += length;
  }
}

/** Covered keys in the order of their hashes: those below a node are neighbours. */
class SortedKeys {
  readonly #hashes: Bytes;
  /** Deleted keys in front of each, and in front of the end. */
  readonly #deletedBefore: Uint32Array;

  constructor(hashes: Bytes, deletedBefore: Uint32Array) {
    this.#hashes = hashes;
    this.#deletedBefore = deletedBefore;
  }

  nibble(key: number, index: number): number {
    return nibbleAt(this.#hashes, key * HASH_BYTES * 2 + index);
  }

  anyDeleted(first: number, end: number): boolean {
    return this.#deletedBefore[first] !== this.#deletedBefore[end];
  }

  /** End of the keys from `start` up to `end`, all of them alike in front of `depth`, that go on with this nibble. */
  endOf(nibble: number, depth: number, start: number, end: number): number {
    let behind = start;
    while (behind < end && this.nibble(behind, depth) === nibble) behind++;
    return behind;
  }
}

function sortKeys(keys: readonly CoveredKey[]): SortedKeys {
  const unsorted = new Uint8Array(keys.length * HASH_BYTES);
  for (const [i, { hash }] of keys.entries()) unsorted.set(hash, i * HASH_BYTES);
  const order = orderKeys(unsorted, HASH_BYTES, keys.length);
  const hashes = new Uint8Array(unsorted.length);
  const deletedBefore = new Uint32Array(keys.length + 1);
  for (let i = 0; i < keys.length; i++) {
    const { hash, deleted } = keys[order[i] as number] as CoveredKey;
    hashes.set(hash, i * HASH_BYTES);
    deletedBefore[i + 1] = (deletedBefore[i] as number) + (deleted ? 1 : 0);
  }
  return new SortedKeys(hashes, deletedBefore);
}
