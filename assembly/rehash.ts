import { HASH_BYTES } from './constants';
import { branchLength, hashSlot } from './branch';
import { hashCopy, hashLater, hashWaiting } from './hash-queue';
import { ACCOUNT_SIDE, DEPTHS, retire, setView, STORAGE_SIDE, takeDirty } from './journal';
import { blocksOf, pad, RATE } from './keccak';
import { writeBranch, writeLeaf, writeNode, writeOpenExtension } from './node-rlp';
import {
  DEAD,
  depthOf,
  DIRTY,
  embeddedOf,
  encodedOf,
  flagsOf,
  isTop,
  maskOf,
  nextOf,
  nibbleOf,
  parentDepthOf,
  parentOf,
  setEmbedded,
  setFlags,
} from './record';
import { rootOf } from './update';

/*
 * Hashes dirty nodes, storage tries before the account trie, leaves first and then branches from the deepest up, so
 * that the hashes of children stand in their parent when it is hashed. Nodes with the same number of blocks are hashed
 * two at a time; a hash goes straight to where the parent's RLP has it.
 */

/** Extensions wait here until the branches below them are hashed; more than this many are hashed in several goes. */
const MAX_EXTENSIONS: usize = 64;
const extensions: usize = memory.data(8704, 8);
const extensionTargets: usize = memory.data(256, 4);
let extensionCount: usize = 0;

const scratch: usize = memory.data(544, 8);

/** Brings every hash and the root up to date. */
export function rehash(): void {
  setView(0);
  hashSide(STORAGE_SIDE);
  hashSide(ACCOUNT_SIDE);
}

function hashSide(side: i32): void {
  for (let node = takeDirty(side, -1); node != 0; ) {
    const next = nextOf(node);
    if (leave(node)) hashLeaf(node);
    node = next;
  }
  hashWaiting();
  for (let depth = DEPTHS - 1; depth >= 0; depth--) {
    let node = takeDirty(side, depth);
    if (node == 0) continue;
    while (node != 0) {
      const next = nextOf(node);
      if (leave(node)) hashBranch(node);
      node = next;
    }
    hashWaiting();
    hashExtensions();
  }
}

/** Takes a node off the dirty list; false when it is out of the trie. */
@inline
function leave(node: usize): bool {
  const flags = flagsOf(node);
  setFlags(node, flags & ~(DIRTY | DEAD));
  if (!(flags & DEAD)) return true;
  retire(node);
  return false;
}

/** Where the hash of a node goes. */
@inline
function targetOf(node: usize): usize {
  return isTop(node) ? rootOf(parentOf(node)) : hashSlot(parentOf(node), nibbleOf(node));
}

/** Tells the parent whether it holds the node itself or its hash; true for a hash, as a top node always has. */
@inline
function isHashed(node: usize, length: usize): bool {
  if (isTop(node)) return true;
  const parent = parentOf(node);
  const bit: u32 = 1 << nibbleOf(node);
  const embedded = embeddedOf(parent);
  if (length < HASH_BYTES) {
    setEmbedded(parent, embedded | bit);
    return false;
  }
  if (embedded & bit) setEmbedded(parent, embedded & ~bit);
  return true;
}

function hashLeaf(leaf: usize): void {
  const length = writeLeaf(scratch, leaf, parentDepthOf(leaf) + 1) - scratch;
  if (isHashed(leaf, length)) hashCopy(scratch, length, targetOf(leaf));
}

function hashBranch(branch: usize): void {
  const from = parentDepthOf(branch) + 1;
  const isIrregular = embeddedOf(branch) != 0;
  const length = isIrregular ? writeBranch(scratch, branch) - scratch : <usize>branchLength(popcnt<u32>(maskOf(branch)));
  let target: usize;
  if (depthOf(branch) == from) {
    if (!isHashed(branch, length)) return;
    target = targetOf(branch);
  } else if (length < HASH_BYTES) {
    const whole = writeNode(scratch, branch, from) - scratch;
    if (isHashed(branch, whole)) hashCopy(scratch, whole, targetOf(branch));
    return;
  } else {
    isHashed(branch, HASH_BYTES);
    target = openExtension(branch, from);
  }
  if (isIrregular) hashCopy(scratch, length, target);
  else hashLater(encodedOf(branch), blocksOf(length), target);
}

/** Prepares the extension above a branch; returns where in it the hash of the branch goes. */
function openExtension(branch: usize, from: i32): usize {
  if (extensionCount == MAX_EXTENSIONS) {
    hashWaiting();
    hashExtensions();
  }
  const at = extensions + extensionCount * RATE;
  const length = writeOpenExtension(at, branch, from) - at;
  pad(at, length);
  store<u32>(extensionTargets + extensionCount * 4, targetOf(branch));
  extensionCount++;
  return at + length - HASH_BYTES;
}

function hashExtensions(): void {
  for (let i: usize = 0; i < extensionCount; i++) {
    hashLater(extensions + i * RATE, 1, load<u32>(extensionTargets + i * 4));
  }
  extensionCount = 0;
  hashWaiting();
}
