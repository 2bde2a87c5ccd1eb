import { nibbleAt } from '../nibbles';
import { branchUnder, childOf, follow } from './decode';
import {
  BRANCH,
  EXTENSION,
  fromOf,
  isDirty,
  KEY_NIBBLES,
  kindOf,
  LEAF,
  linkAt,
  makeBranch,
  makeExtension,
  makeLeaf,
  pathOf,
  setDirty,
  setFrom,
  setPath,
  setValue,
  toOf,
  valueLengthOf,
  valueOf,
} from './nodes';
import { take } from './space';

/*
 * Updates of tries, each given by the link to its top node. All take the address of a key's hash, which must stay.
 * The functions on nodes return the node to put in place of the one given.
 */
const PATH_BYTES: usize = 32;

// Of the update under way.
let key: usize = 0;
let value: usize = 0;
let valueLength: usize = 0;

/** Value of the leaf that was found last. */
export let foundValue: usize = 0;
export let foundValueLength: usize = 0;

/** Nibbles that the path of a node shares with the rest of the key from `depth` on. */
function sharedNibbles(node: usize, depth: i32): i32 {
  const path = pathOf(node);
  const from = fromOf(node);
  const limit = min(toOf(node) - from, KEY_NIBBLES - depth);
  let shared = 0;
  // Whole bytes where both stand on the same half of one, as a leaf's path and the key always do.
  if (((from ^ depth) & 1) == 0) {
    if (from & 1 && limit > 0) {
      if (nibbleAt(path, from) != nibbleAt(key, depth)) return 0;
      shared = 1;
    }
    while (shared + 1 < limit && load<u8>(path + ((from + shared) >> 1)) == load<u8>(key + ((depth + shared) >> 1))) shared += 2;
  }
  while (shared < limit && nibbleAt(path, from + shared) == nibbleAt(key, depth + shared)) shared++;
  return shared;
}

@inline
function pathLength(node: usize): i32 {
  return toOf(node) - fromOf(node);
}

/** Looks a key up; returns the link to the top node, which may have been loaded. */
export function get(top: u32, keyHash: usize): u32 {
  key = keyHash;
  foundValueLength = 0;
  const loaded = follow(top, 0);
  let node = loaded;
  let depth = 0;
  while (node != 0) {
    const kind = kindOf(node);
    if (kind == BRANCH) {
      node = childOf(node, nibbleAt(key, depth), depth);
      depth++;
      continue;
    }
    if (sharedNibbles(node, depth) != pathLength(node)) break;
    if (kind == LEAF) {
      foundValue = valueOf(node);
      foundValueLength = valueLengthOf(node);
      break;
    }
    const branch = branchUnder(node, depth);
    depth += pathLength(node);
    node = branch;
  }
  return loaded as u32;
}

/** Sets a key to a value, which must stay where it is; returns the link to the top node. */
export function put(top: u32, keyHash: usize, at: usize, length: usize): u32 {
  key = keyHash;
  value = at;
  valueLength = length;
  return insertAt(follow(top, 0), 0) as u32;
}

/** Removes a key, if it is there; returns the link to the top node, 0 when nothing is left. */
export function remove(top: u32, keyHash: usize): u32 {
  key = keyHash;
  const node = follow(top, 0);
  return node == 0 ? 0 : (removeAt(node, 0) as u32);
}

function insertAt(node: usize, depth: i32): usize {
  if (node == 0) return makeLeaf(key, depth, KEY_NIBBLES, value, valueLength);
  const kind = kindOf(node);
  if (kind == LEAF) return insertAtLeaf(node, depth);
  if (kind == EXTENSION) return insertAtExtension(node, depth);
  const nibble = nibbleAt(key, depth);
  const updated = insertAt(childOf(node, nibble, depth), depth + 1);
  return withChild(node, nibble, updated);
}

function insertAtLeaf(leaf: usize, depth: i32): usize {
  const shared = sharedNibbles(leaf, depth);
  setDirty(leaf);
  if (shared == pathLength(leaf)) {
    setValue(leaf, value, valueLength);
    return leaf;
  }
  const at = fromOf(leaf) + shared;
  const branch = makeBranch();
  store<u32>(linkAt(branch, nibbleAt(pathOf(leaf), at)), leaf);
  setFrom(leaf, at + 1);
  return splitOff(branch, depth, depth + shared);
}

function insertAtExtension(extension: usize, depth: i32): usize {
  const shared = sharedNibbles(extension, depth);
  if (shared == pathLength(extension)) {
    const updated = insertAt(branchUnder(extension, depth), depth + shared);
    return withChild(extension, 0, updated);
  }
  const at = fromOf(extension) + shared;
  const nibble = nibbleAt(pathOf(extension), at);
  const branch = makeBranch();
  if (at + 1 == toOf(extension)) {
    store<u32>(linkAt(branch, nibble), load<u32>(linkAt(extension, 0)));
  } else {
    setFrom(extension, at + 1);
    setDirty(extension);
    store<u32>(linkAt(branch, nibble), extension);
  }
  return splitOff(branch, depth, depth + shared);
}

/** Adds the new leaf to the fresh branch of a split and puts the shared nibbles above it. */
function splitOff(branch: usize, depth: i32, splitDepth: i32): usize {
  const leaf = makeLeaf(key, splitDepth + 1, KEY_NIBBLES, value, valueLength);
  store<u32>(linkAt(branch, nibbleAt(key, splitDepth)), leaf);
  return splitDepth == depth ? branch : makeExtension(key, depth, splitDepth, branch as u32);
}

@inline
function withChild(node: usize, nibble: u32, child: usize): usize {
  store<u32>(linkAt(node, nibble), child);
  setDirty(node);
  return node;
}

/** 0 when nothing is left. */
function removeAt(node: usize, depth: i32): usize {
  const kind = kindOf(node);
  if (kind == LEAF) return sharedNibbles(node, depth) == pathLength(node) ? 0 : node;
  if (kind == EXTENSION) return removeBelowExtension(node, depth);
  const nibble = nibbleAt(key, depth);
  const child = childOf(node, nibble, depth);
  if (child == 0) return node;
  const updated = removeAt(child, depth + 1);
  if (updated == 0) {
    const joined = collapsed(node, nibble, depth);
    return joined != 0 ? joined : withChild(node, nibble, 0);
  }
  return isUnchanged(child, updated) ? node : withChild(node, nibble, updated);
}

function removeBelowExtension(extension: usize, depth: i32): usize {
  const length = pathLength(extension);
  if (sharedNibbles(extension, depth) != length) return extension;
  const child = branchUnder(extension, depth);
  // A branch has two children, so something is always left of it.
  const updated = removeAt(child, depth + length);
  if (isUnchanged(child, updated)) return extension;
  return kindOf(updated) == BRANCH ? withChild(extension, 0, updated) : below(extension, 0, updated);
}

@inline
function isUnchanged(before: usize, after: usize): bool {
  return before == after && !isDirty(after);
}

/** What a branch becomes when the child under `removed` goes and one stays, a leaf or an extension; 0 when more stay. */
function collapsed(branch: usize, removed: u32, depth: i32): usize {
  let staying = 0;
  let last: u32 = 0;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    if (nibble == removed || load<u32>(linkAt(branch, nibble)) == 0) continue;
    staying++;
    last = nibble;
  }
  // Only the sibling itself tells whether it merges: the witness must have it.
  return staying == 1 ? below(0, last, childOf(branch, last, depth)) : 0;
}

/** A node with the path of an extension (0: this nibble) in front, as one node where the rules say so. */
function below(extension: usize, nibble: u32, node: usize): usize {
  const isBranch = kindOf(node) == BRANCH;
  const head = extension == 0 ? 1 : pathLength(extension);
  const tail = isBranch ? 0 : pathLength(node);
  const path = take(PATH_BYTES);
  // A leaf's path ends with a byte.
  const from = (head + tail) & 1;
  if (extension == 0) setNibble(path, from, nibble);
  else for (let i = 0; i < head; i++) setNibble(path, from + i, nibbleAt(pathOf(extension), fromOf(extension) + i));
  for (let i = 0; i < tail; i++) setNibble(path, from + head + i, nibbleAt(pathOf(node), fromOf(node) + i));
  if (isBranch) return makeExtension(path, from, from + head, node as u32);
  setPath(node, path, from, from + head + tail);
  setDirty(node);
  return node;
}

function setNibble(path: usize, index: i32, nibble: u32): void {
  const at = path + (index >> 1);
  const byte = <u32>load<u8>(at);
  store<u8>(at, index & 1 ? (byte & 0xf0) | nibble : (byte & 0x0f) | (nibble << 4));
}
