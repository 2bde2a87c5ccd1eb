import { HASH_BYTES } from '../constants';
import { failMissing } from './failure';
import { end, isList, need, payload, readItem } from './items';
import {
  BRANCH,
  fromOf,
  KEY_NIBBLES,
  kindOf,
  linkAt,
  makeBranch,
  makeExtension,
  makeLeaf,
  setRef,
  toOf,
  UNLOADED,
} from './nodes';
import { find, foundAt, foundLength } from './source';

/*
 * Makes records of nodes as they are needed. Only the encoding that encode.ts writes is accepted, so that an unchanged node
 * has its hash again when it is encoded. Everything below looks at the bytes where they are.
 */
const ODD_FLAG: u32 = 0x10;
const LEAF_FLAG: u32 = 0x20;
const MAX_PATH_FLAG: u32 = 0x3f;

/** The record that a link leads to; `depth` nibbles of the key are above it. 0 stays 0. */
export function follow(link: u32, depth: i32): usize {
  return link & UNLOADED ? loadNode(link & ~UNLOADED, depth) : link;
}

function loadNode(hash: usize, depth: i32): usize {
  if (!find(hash)) failMissing(hash, depth);
  const at = foundAt;
  const length = foundLength;
  readItem(at, at + length);
  need(isList && end == at + length);
  const node = decodeList(payload, end, depth);
  if (length >= HASH_BYTES) {
    setRef(node, hash, HASH_BYTES);
  } else {
    // Shorter ones are embedded, but for a root.
    need(depth == 0);
    setRef(node, at, length);
  }
  return node;
}

function decodeList(at: usize, limit: usize, depth: i32): usize {
  readItem(at, limit);
  const path = payload;
  const second = end;
  const isPath = !isList;
  readItem(second, limit);
  if (end != limit) return decodeBranch(at, limit, depth);
  need(isPath && path < second);
  return decodeShort(path, second, depth);
}

/** A leaf or extension with the path from `path` to `content`, the item that was read last. */
function decodeShort(path: usize, content: usize, depth: i32): usize {
  const prefix = <u32>load<u8>(path);
  need(prefix <= MAX_PATH_FLAG);
  const isOdd = (prefix & ODD_FLAG) != 0;
  need(isOdd || (prefix & 0x0f) == 0);
  const from = isOdd ? 1 : 2;
  const to = ((content - path) as i32) * 2;
  const endDepth = depth + to - from;
  if (prefix & LEAF_FLAG) {
    need(!isList && payload < end && endDepth == KEY_NIBBLES);
    return makeLeaf(path, from, to, payload, end - payload);
  }
  need(to > from && endDepth < KEY_NIBBLES);
  const link = decodeChild(content, endDepth);
  need(link != 0 && ((link & UNLOADED) != 0 || kindOf(link) == BRANCH));
  return makeExtension(path, from, to, link);
}

function decodeBranch(at: usize, limit: usize, depth: i32): usize {
  need(depth < KEY_NIBBLES);
  const branch = makeBranch();
  let children = 0;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    readItem(at, limit);
    const next = end;
    const link = decodeChild(at, depth + 1);
    if (link != 0) {
      store<u32>(linkAt(branch, nibble), link);
      children++;
    }
    at = next;
  }
  readItem(at, limit);
  need(!isList && payload == end && end == limit && children >= 2);
  return branch;
}

/** Link to the child whose item, which starts at `start`, was read last. */
function decodeChild(start: usize, depth: i32): u32 {
  if (isList) {
    const length = end - start;
    need(length < HASH_BYTES);
    const node = decodeList(payload, end, depth);
    setRef(node, start, length);
    return node as u32;
  }
  if (payload == end) return 0;
  need(end - payload == HASH_BYTES);
  return (payload as u32) | UNLOADED;
}

/** The child of a branch that starts at nibble `depth` of the key, 0 when it has none. */
export function childOf(branch: usize, nibble: u32, depth: i32): usize {
  const at = linkAt(branch, nibble);
  const link = load<u32>(at);
  if (!(link & UNLOADED)) return link;
  const child = follow(link, depth + 1);
  store<u32>(at, child);
  return child;
}

/** The branch under an extension that starts at nibble `depth` of the key. */
export function branchUnder(extension: usize, depth: i32): usize {
  const at = linkAt(extension, 0);
  const link = load<u32>(at);
  if (!(link & UNLOADED)) return link;
  const branch = follow(link, depth + toOf(extension) - fromOf(extension));
  need(kindOf(branch) == BRANCH);
  store<u32>(at, branch);
  return branch;
}
