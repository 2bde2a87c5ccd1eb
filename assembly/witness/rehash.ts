import { EMPTY_TRIE_ROOT, HASH_BYTES } from '../constants';
import { copyHash } from '../copy';
import { hashCopy, hashWaiting } from '../hash-queue';
import { encodeNode, encoded } from './encode';
import {
  EXTENSION,
  fromOf,
  isDirty,
  KEY_NIBBLES,
  kindOf,
  LEAF,
  linkAt,
  nextOf,
  refLengthOf,
  refOf,
  setNext,
  setRef,
  toOf,
  UNLOADED,
} from './nodes';
import { take } from './space';

/*
 * Hashes dirty nodes from the deepest up, all those of one depth together: their hashes do not depend on each other.
 */

/** By depth. */
const dirty: usize = memory.data(260, 4);

/** Notes the dirty nodes of a trie, of which hashNoted then sets the references. */
export function noteDirty(top: u32): void {
  if (isDirtyLink(top)) noteNode(top, 0);
}

@inline
function isDirtyLink(link: u32): bool {
  return link != 0 && (link & UNLOADED) == 0 && isDirty(link);
}

/** A dirty node and those below; a key's 64 nibbles bound the recursion. */
function noteNode(link: u32, depth: i32): void {
  setNext(link, load<u32>(dirty + depth * 4));
  store<u32>(dirty + depth * 4, link);
  const kind = kindOf(link);
  if (kind == LEAF) return;
  if (kind == EXTENSION) {
    const branch = load<u32>(linkAt(link, 0));
    if (isDirtyLink(branch)) noteNode(branch, depth + toOf(link) - fromOf(link));
    return;
  }
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    const child = load<u32>(linkAt(link, nibble));
    if (isDirtyLink(child)) noteNode(child, depth + 1);
  }
}

export function hashNoted(): void {
  for (let depth = KEY_NIBBLES; depth >= 0; depth--) {
    let node: usize = load<u32>(dirty + depth * 4);
    store<u32>(dirty + depth * 4, 0);
    while (node != 0) {
      makeRef(node, depth == 0);
      node = nextOf(node);
    }
    hashWaiting();
  }
}

/** A node under 32 bytes is embedded in its parent, unless it is a top node. */
function makeRef(node: usize, isTop: bool): void {
  const length = encodeNode(node);
  const ref = take(HASH_BYTES);
  if (length < HASH_BYTES && !isTop) {
    memory.copy(ref, encoded, length);
    setRef(node, ref, length);
  } else {
    setRef(node, ref, HASH_BYTES);
    hashCopy(encoded, length, ref);
  }
}

/** Copies the root of a trie whose nodes are not dirty; `before` is the root that it was opened with. */
export function copyRoot(target: usize, top: u32, before: usize): void {
  if (top == 0) copyHash(target, EMPTY_TRIE_ROOT);
  else if ((top & UNLOADED) != 0 || refLengthOf(top) < HASH_BYTES) copyHash(target, before);
  else copyHash(target, refOf(top));
}
