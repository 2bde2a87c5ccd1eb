import { childAt, firstChild, fittingKind, layOut, replaceChild } from './branch';
import { EMPTY_TRIE_ROOT } from './constants';
import { copyHash } from './copy';
import { allocate } from './heap';
import { adopt, beginBlock, resolve, topInView, touch } from './journal';
import { nibbleAt } from './nibbles';
import {
  BRANCH,
  contractOf,
  DEAD,
  depthOf,
  flagsOf,
  IN_STORAGE,
  isBranch,
  isTop,
  keyHashOf,
  kindOf,
  maskOf,
  nibbleOf,
  parentOf,
  setDepth,
  setFlags,
  setNibble,
  setParent,
  setStorageTop,
  storageRootOf,
  storageTopOf,
} from './record';

/*
 * Tries by their owner: 0 is the account trie, an account is its own storage trie.
 */

/** The state root. */
export const ROOT: usize = memory.data<u8>([
  0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
  0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
]);
let accountTop: usize = 0;

/** Ends the open block and begins the next, in whose view the account trie is the present one. */
export function beginNextBlock(): void {
  beginBlock(accountTop);
}

/** The top node of a trie in the view, 0 when the trie is empty; an owner is given as the view has it. */
export function topOf(owner: usize): usize {
  if (owner == 0) return topInView(accountTop);
  const contract = contractOf(owner);
  return contract == 0 ? 0 : resolve(storageTopOf(contract));
}

/** A trie without a top node has its root right away; that of any other is hashed later. */
function setTop(owner: usize, node: usize): void {
  if (owner == 0) accountTop = node;
  else setStorageTop(contractOf(owner), node);
  if (node == 0) copyHash(rootOf(owner), EMPTY_TRIE_ROOT);
}

/** Where the root of a trie is; as it was before while nodes are dirty. */
@inline
export function rootOf(owner: usize): usize {
  return owner == 0 ? ROOT : storageRootOf(contractOf(owner));
}

/** Nibbles that two 32-byte keys share from the front, 64 when they are equal. */
export function sharedNibbles(a: usize, b: usize): i32 {
  for (let word = 0; word < 4; word++) {
    const difference = bswap<u64>(load<u64>(a + word * 8) ^ load<u64>(b + word * 8));
    if (difference != 0) return word * 16 + ((clz<u64>(difference) >> 2) as i32);
  }
  return 64;
}

/**
 * The leaf that a key would be next to or at, in the view: where the path of the key ends early, any leaf
 * below does, as all of them share the path that far.
 */
export function nearestLeaf(top: usize, keyHash: usize): usize {
  let node = top;
  while (isBranch(node)) {
    const child = childAt(node, nibbleAt(keyHash, depthOf(node)));
    node = resolve(child != 0 ? child : firstChild(node));
  }
  return node;
}

/** Puts a leaf whose key is not in the trie of `owner`; its key hash is set, its value may follow. */
export function insertLeaf(owner: usize, leaf: usize): void {
  const top = topOf(owner);
  if (top == 0) {
    touch(owner);
    setTop(owner, leaf);
    setParent(leaf, owner);
    adopt(leaf);
    return;
  }
  const key = keyHashOf(leaf);
  const near = nearestLeaf(top, key);
  const shared = sharedNibbles(key, keyHashOf(near));
  // The same key twice: the index is out of step, and going on would corrupt the trie.
  if (shared == 64) unreachable();
  let node = near;
  while (!isTop(node) && depthOf(parentOf(node)) >= shared) node = parentOf(node);
  touch(node);
  const nibble = nibbleAt(key, shared);
  const branch =
    isBranch(node) && depthOf(node) == shared
      ? reshape(node, maskOf(node) | (1 << nibble))
      : splitAbove(node, shared, nibbleAt(keyHashOf(near), shared), nibble);
  replaceChild(branch, nibble, leaf);
  setParent(leaf, branch);
  setNibble(leaf, nibble);
  adopt(leaf);
}

/** Puts a branch at `depth` in the place of `node`, which becomes its child, and leaves room for another. */
function splitAbove(node: usize, depth: i32, nodeNibble: u32, otherNibble: u32): usize {
  const branch = allocate(BRANCH);
  setFlags(branch, flagsOf(node) & IN_STORAGE);
  setDepth(branch, depth);
  hang(branch, node);
  layOut(branch, branch, (1 << nodeNibble) | (1 << otherNibble));
  replaceChild(branch, nodeNibble, node);
  setParent(node, branch);
  setNibble(node, nodeNibble);
  adopt(branch);
  return branch;
}

/** Links `node` where `other` hangs. */
function hang(node: usize, other: usize): void {
  const parent = parentOf(other);
  setParent(node, parent);
  setNibble(node, nibbleOf(other));
  if (isTop(other)) setTop(parent, node);
  else replaceChild(parent, nibbleOf(other), node);
}

/** Gives a touched branch the children of `mask`, in another record when that fits better; returns the branch. */
function reshape(branch: usize, mask: u32): usize {
  const kind = fittingKind(kindOf(branch), popcnt<u32>(mask));
  if (kind == kindOf(branch)) {
    layOut(branch, branch, mask);
    return branch;
  }
  const moved = allocate(kind);
  setFlags(moved, flagsOf(branch) & IN_STORAGE);
  setDepth(moved, depthOf(branch));
  hang(moved, branch);
  layOut(branch, moved, mask);
  for (let rest = mask & maskOf(branch); rest != 0; rest &= rest - 1) setParent(childAt(moved, ctz<u32>(rest)), moved);
  setFlags(branch, flagsOf(branch) | DEAD);
  adopt(moved);
  return moved;
}

/** Takes a leaf out of its trie. Its record stays readable until it is retired. */
export function removeLeaf(leaf: usize): void {
  touch(leaf);
  setFlags(leaf, flagsOf(leaf) | DEAD);
  const branch = parentOf(leaf);
  if (isTop(leaf)) {
    setTop(branch, 0);
    return;
  }
  const mask = maskOf(branch) & ~(1 << nibbleOf(leaf));
  if (popcnt<u32>(mask) > 1) {
    reshape(branch, mask);
    return;
  }
  // The one that stays takes the place of the branch; its path grows, so its RLP changes.
  const staying = childAt(branch, ctz<u32>(mask));
  touch(staying);
  hang(staying, branch);
  setFlags(branch, flagsOf(branch) | DEAD);
}
