import { HASH_BYTES } from './constants';
import { childAt, hashSlot } from './branch';
import { CHUNK_BYTES, reserve } from './heap';
import { emptySet, isNewHash } from './hash-set';
import { resolve } from './journal';
import { nibbleAt } from './nibbles';
import { anyLeaf, writeBranch, writeNode } from './node-rlp';
import { depthOf, embeddedOf, isBranch, keyHashOf, maskOf } from './record';
import { topOf } from './update';

/*
 * Collects the nodes of a witness, each once and parents before children, in the view that is looked at. They stand one
 * behind the other in a chain of chunks: u32 next chunk, u32 end of what is in it, and nodes, each behind its length (u16).
 */
const CHUNK_HEADER_BYTES: usize = 8;
/** More than a node takes while it is written: the branch behind the path of its extension, padded to be hashed. */
const NODE_ROOM_BYTES: usize = 704;

let firstChunk: usize = 0;
let chunk: usize = 0;
let at: usize = 0;

// Of the trie under way: hashes of keys in ascending order, and for each, and the end, how many before may be deleted.
let keys: usize = 0;
let deletedBefore: usize = 0;
let capacity: usize = 0;

const above: usize = memory.data(704, 8);

/** Begins with no nodes. */
export function beginNodes(): void {
  emptySet();
  if (firstChunk == 0) firstChunk = newChunk();
  enter(firstChunk);
}

/** The first chunk; one without nodes is the end. They are good until the next begin. */
export function firstNodes(): usize {
  store<u32>(chunk, at, 4);
  const next: usize = load<u32>(chunk);
  // From a larger use before.
  if (next != 0) store<u32>(next, next + CHUNK_HEADER_BYTES, 4);
  return firstChunk;
}

function newChunk(): usize {
  const fresh = reserve(CHUNK_BYTES);
  store<u32>(fresh, 0);
  return fresh;
}

function enter(next: usize): void {
  chunk = next;
  at = next + CHUNK_HEADER_BYTES;
}

/** Room for the hashes of `count` keys and behind them the counts (u32) of those that may be deleted. */
export function reserveKeys(count: usize): usize {
  if (count > capacity) {
    capacity = max(count, 2 * capacity);
    keys = reserve(((capacity * (HASH_BYTES + 4) + 4) + 63) & ~63);
  }
  deletedBefore = keys + count * HASH_BYTES;
  return keys;
}

/** Takes in the nodes of the trie of `owner`, which has the root at `root`, for the `count` keys. */
export function collectNodes(owner: usize, root: usize, count: u32): void {
  const top = topOf(owner);
  if (top == 0 || count == 0) return;
  if (isNewHash(root)) add(top, 0);
  descend(top, 0, 0, count);
}

/** Goes on below a node, which starts at nibble `from` and was added, with the keys from `first` up to `end`. */
function descend(node: usize, from: i32, first: u32, end: u32): void {
  if (!isBranch(node)) return;
  const depth = depthOf(node);
  if (depth == from) visitBranch(node, depth, first, end);
  else visitExtension(node, from, depth, first, end);
}

function visitExtension(node: usize, from: i32, depth: i32, first: u32, end: u32): void {
  const path = keyHashOf(anyLeaf(node));
  let passing = first;
  while (passing < end && !follows(passing, path, from, depth)) passing++;
  let passed = passing;
  while (passed < end && follows(passed, path, from, depth)) passed++;
  // A key put here splits the extension; deleting it again joins the halves, which looks at the branch.
  if (passing == passed && !anyDeleted(first, end)) return;
  addUnderExtension(node, from, depth);
  if (passing < passed) visitBranch(node, depth, passing, passed);
}

function visitBranch(node: usize, depth: i32, first: u32, end: u32): void {
  const mask = maskOf(node);
  const embedded = embeddedOf(node);
  const whole = anyDeleted(first, end) && mayCollapse(mask, depth, first, end);
  let start = first;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    const behind = endOf(nibble, depth, start, end);
    const bit: u32 = 1 << nibble;
    if (mask & bit && (whole || behind > start)) {
      const child = resolve(childAt(node, nibble));
      if (!(embedded & bit) && isNewHash(hashSlot(node, nibble))) add(child, depth + 1);
      if (behind > start) descend(child, depth + 1, start, behind);
    }
    start = behind;
  }
}

/** True when the deletions, in the worst case and order, leave at most one child. */
function mayCollapse(mask: u32, depth: i32, first: u32, end: u32): bool {
  let staying = 0;
  let start = first;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    const behind = endOf(nibble, depth, start, end);
    if (mask & (1 << nibble) && !anyDeleted(start, behind)) staying++;
    start = behind;
  }
  return staying <= 1;
}

/** True when a key follows the path from nibble `from` to a branch at `depth`. */
function follows(key: u32, path: usize, from: i32, depth: i32): bool {
  for (let i = from; i < depth; i++) if (nibbleOfKey(key, i) != nibbleAt(path, i)) return false;
  return true;
}

@inline
function nibbleOfKey(key: u32, index: i32): u32 {
  return nibbleAt(keys + (key as usize) * HASH_BYTES, index);
}

@inline
function anyDeleted(first: u32, end: u32): bool {
  return load<u32>(deletedBefore + (first as usize) * 4) != load<u32>(deletedBefore + (end as usize) * 4);
}

/** End of the keys from `start` up to `end`, all of them alike in front of `depth`, that go on with this nibble. */
@inline
function endOf(nibble: u32, depth: i32, start: u32, end: u32): u32 {
  while (start < end && nibbleOfKey(start, depth) == nibble) start++;
  return start;
}

/** The hash of a branch below its extension is the end of the extension's RLP. */
function addUnderExtension(branch: usize, from: i32, depth: i32): void {
  if (writeBranch(above, branch) - above < HASH_BYTES) return;
  if (isNewHash(writeNode(above, branch, from) - HASH_BYTES)) add(branch, depth);
}

function add(node: usize, from: i32): void {
  if (at + NODE_ROOM_BYTES > chunk + CHUNK_BYTES) {
    store<u32>(chunk, at, 4);
    if (load<u32>(chunk) == 0) store<u32>(chunk, newChunk());
    enter(load<u32>(chunk));
  }
  const end = writeNode(at + 2, node, from);
  store<u16>(at, end - at - 2);
  at = end;
}
