import type { Bytes } from '../util/bytes.ts';

/**
 * Nodes of the Merkle-Patricia trie (Yellow Paper, appendix D).
 *
 * Paths are views in nibbles: nibble `i` of `path` is the high half of byte `i / 2` when `i` is even. A leaf made by a
 * put keeps the whole key and where its part starts, so that moving a leaf up or down changes one number.
 */
export const LEAF = 0;
export const EXTENSION = 1;
export const BRANCH = 2;
/** A node of which only the hash is known; the resolver gives the rest. */
export const HASH = 3;

/**
 * `ref` is how the parent refers to a node: its RLP when that is under 32 bytes (embedded), else its hash; the length
 * tells which. Undefined means dirty, and then every ancestor is dirty too.
 * `owner` is the token of the one trie handle that may change the node in place; all others copy it first.
 */
interface OwnedNode {
  owner: number;
  ref: Bytes | undefined;
}

/** The path runs from nibble `from` to the end of `path`. */
export interface LeafNode extends OwnedNode {
  readonly kind: typeof LEAF;
  path: Bytes;
  from: number;
  value: Bytes;
}

/** The path runs over nibbles `from` (included) to `to` (excluded) and is never empty; the child is a branch. */
export interface ExtensionNode extends OwnedNode {
  readonly kind: typeof EXTENSION;
  path: Bytes;
  from: number;
  to: number;
  child: TrieNode;
}

/** Sixteen child slots and the value of the key that ends here; at least two of the 17 are taken. */
export interface BranchNode extends OwnedNode {
  readonly kind: typeof BRANCH;
  children: (TrieNode | undefined)[];
  value: Bytes | undefined;
}

export interface HashNode {
  readonly kind: typeof HASH;
  readonly ref: Bytes;
}

export type ResolvedNode = LeafNode | ExtensionNode | BranchNode;
export type TrieNode = ResolvedNode | HashNode;

/** Children of a branch; its value has no nibble. */
export const BRANCH_WIDTH = 16;
export const HASH_BYTES = 32;

export function leafNode(owner: number, path: Bytes, from: number, value: Bytes): LeafNode {
  return { kind: LEAF, owner, ref: undefined, path, from, value };
}

export function extensionNode(owner: number, path: Bytes, from: number, to: number, child: TrieNode): ExtensionNode {
  return { kind: EXTENSION, owner, ref: undefined, path, from, to, child };
}

export function branchNode(owner: number, children: (TrieNode | undefined)[], value: Bytes | undefined): BranchNode {
  return { kind: BRANCH, owner, ref: undefined, children, value };
}

export function emptyChildren(): (TrieNode | undefined)[] {
  return new Array<TrieNode | undefined>(BRANCH_WIDTH).fill(undefined);
}

export function nibbleAt(path: Bytes, index: number): number {
  const byte = path[index >> 1] as number;
  return (index & 1) === 0 ? byte >> 4 : byte & 0x0f;
}

/** How many nibbles `a` from `aFrom` up to `aTo` shares with the rest of `key` from `keyFrom`. */
export function sharedNibbles(a: Bytes, aFrom: number, aTo: number, key: Bytes, keyFrom: number): number {
  const limit = Math.min(aTo - aFrom, key.length * 2 - keyFrom);
  let shared = 0;
  // Views of equal parity (nearly all of them) compare by whole bytes as soon as both stand on a byte boundary.
  if (((aFrom ^ keyFrom) & 1) === 0) {
    if ((aFrom & 1) === 1 && limit > 0) {
      if (nibbleAt(a, aFrom) !== nibbleAt(key, keyFrom)) return 0;
      shared = 1;
    }
    while (shared + 1 < limit && a[(aFrom + shared) >> 1] === key[(keyFrom + shared) >> 1]) shared += 2;
  }
  while (shared < limit && nibbleAt(a, aFrom + shared) === nibbleAt(key, keyFrom + shared)) shared++;
  return shared;
}

/** True when the leaf, which starts at nibble `depth` of the key, holds exactly this key. */
export function leafMatches(leaf: LeafNode, key: Bytes, depth: number): boolean {
  const to = leaf.path.length * 2;
  const length = to - leaf.from;
  return length === key.length * 2 - depth && sharedNibbles(leaf.path, leaf.from, to, key, depth) === length;
}

/**
 * The path `head[headFrom, headTo)`, then `nibble` unless it is undefined, then `tail[tailFrom, tailTo)`, right-aligned
 * in fresh bytes so that it ends on a byte boundary, as a leaf's path must.
 */
export function joinPaths(
  head: { path: Bytes; from: number; to: number } | undefined,
  nibble: number | undefined,
  tail: { path: Bytes; from: number; to: number },
): { path: Bytes; from: number; to: number } {
  const headLength = head === undefined ? 0 : head.to - head.from;
  const length = headLength + (nibble === undefined ? 0 : 1) + tail.to - tail.from;
  const path = new Uint8Array((length + 1) >> 1);
  const from = length & 1;
  let at = from;
  const push = (value: number): void => {
    path[at >> 1] = (path[at >> 1] as number) | ((at & 1) === 0 ? value << 4 : value);
    at++;
  };
  if (head !== undefined) for (let i = head.from; i < head.to; i++) push(nibbleAt(head.path, i));
  if (nibble !== undefined) push(nibble);
  for (let i = tail.from; i < tail.to; i++) push(nibbleAt(tail.path, i));
  return { path, from, to: from + length };
}
