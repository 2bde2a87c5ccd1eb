import { copyWords } from './copy';
import { CHUNK_BYTES, release, reserve } from './heap';
import { removeFromIndex } from './key-index';
import {
  ACCOUNT,
  bytesOf,
  childSlot,
  CONTRACT,
  contractOf,
  depthOf,
  DIRTY,
  flagsOf,
  IN_STORAGE,
  isBranch,
  kindOf,
  maskOf,
  nextOf,
  parentOf,
  savedOf,
  setContract,
  setFlags,
  setMask,
  setNext,
  setSaved,
  setStamp,
  setStorageTop,
  SLOT,
  stampOf,
  storageTopOf,
} from './record';

/*
 * What has changed: since the last root (lists of dirty nodes), and since the open block began (copies of records as
 * they were then). A dirty node has dirty ancestors only, and with a block open a dirty node has its copy.
 */

/** Depths of a branch: 64 nibbles in a key. */
export const DEPTHS: i32 = 64;

/** Storage tries are one side, hashed first; the account trie is the other. */
export const STORAGE_SIDE: i32 = 0;
export const ACCOUNT_SIDE: i32 = 1;

// By side, and for branches by depth within it.
const dirtyLeaves: usize = memory.data(8, 4);
const dirtyBranches: usize = memory.data(512, 4);

/** 0 until the first block begins: then no copies are kept. */
let block: u32 = 0;
/** Copies stand one behind the other in a chain of chunks, each of which starts with the address of the next. */
const CHUNK_LINK_BYTES: usize = 16;
let firstChunk: usize = 0;
/** The chunk in use, 0 before the first copy of a block. */
let chunk: usize = 0;
let chunkAt: usize = 0;
/** Records that were in a trie when the block began and no longer are. */
let held: usize = 0;
/** Accounts out of every view whose storage is still to be released. */
let dropped: usize = 0;
/** True while old records are looked at: links then lead to copies. */
let viewOld: bool = false;

export function setView(old: bool): void {
  viewOld = old;
}

/** The record that stands for `node` in the present view. */
@inline
export function resolve(node: usize): usize {
  if (!viewOld || node == 0 || stampOf(node) != block) return node;
  const copy = savedOf(node);
  return copy == 0 ? node : copy;
}

@inline
function listOf(node: usize): usize {
  if (!isBranch(node)) return dirtyLeaves + (kindOf(node) == SLOT ? STORAGE_SIDE : ACCOUNT_SIDE) * 4;
  const side = flagsOf(node) & IN_STORAGE ? STORAGE_SIDE : ACCOUNT_SIDE;
  return dirtyBranches + (side * DEPTHS + depthOf(node)) * 4;
}

@inline
function link(node: usize): void {
  const list = listOf(node);
  setNext(node, load<u32>(list));
  store<u32>(list, node);
  setFlags(node, flagsOf(node) | DIRTY);
}

/** Takes a whole list of dirty nodes; depth -1 stands for the leaves. */
export function takeDirty(side: i32, depth: i32): usize {
  const list = depth < 0 ? dirtyLeaves + side * 4 : dirtyBranches + (side * DEPTHS + depth) * 4;
  const first = load<u32>(list);
  store<u32>(list, 0);
  return first;
}

/** To be called before anything of `node` changes, where it hangs too: marks it and what is above. */
export function touch(node: usize): void {
  while (node != 0 && !(flagsOf(node) & DIRTY)) {
    if (block != 0 && stampOf(node) != block) keep(node);
    link(node);
    node = parentOf(node);
  }
}

/** Takes in a record made just now, whose parent is dirty already. */
export function adopt(node: usize): void {
  setStamp(node, block);
  link(node);
}

/** Copies a record before its first change in the block. */
function keep(node: usize): void {
  const kind = kindOf(node);
  const copy = copyOf(node, bytesOf(kind));
  if (kind == ACCOUNT && contractOf(node) != 0) setContract(copy, copyOf(contractOf(node), bytesOf(CONTRACT)));
  setStamp(node, block);
  setSaved(node, copy);
}

function copyOf(record: usize, bytes: usize): usize {
  if (chunk == 0 || chunkAt + bytes > chunk + CHUNK_BYTES) enterNextChunk();
  const copy = chunkAt;
  chunkAt += bytes;
  copyWords(copy, record, bytes >> 3);
  return copy;
}

function enterNextChunk(): void {
  let next: usize = chunk == 0 ? firstChunk : load<u32>(chunk);
  if (next == 0) {
    next = reserve(CHUNK_BYTES);
    store<u32>(next, 0);
    if (chunk == 0) firstChunk = next;
    else store<u32>(chunk, next);
  }
  chunk = next;
  chunkAt = next + CHUNK_LINK_BYTES;
}

/** Disposes of a dead record that has left the dirty list. */
export function retire(node: usize): void {
  if (block != 0 && savedOf(node) != 0 && stampOf(node) == block) {
    setNext(node, held);
    held = node;
  } else {
    dispose(node);
  }
}

function dispose(node: usize): void {
  if (kindOf(node) == ACCOUNT && contractOf(node) != 0) {
    setNext(node, dropped);
    dropped = node;
  } else {
    release(node, kindOf(node));
  }
}

/** Forgets how the state was when the open block began and begins the next; nothing may be dirty. */
export function beginBlock(): void {
  chunk = 0;
  while (held != 0) {
    const node = held;
    held = nextOf(node);
    dispose(node);
  }
  block++;
}

/** Releases storage of dropped accounts, at most `budget` records and one, bottom up. */
export function reclaim(budget: i32): void {
  while (dropped != 0 && budget > 0) {
    const account = dropped;
    const contract = contractOf(account);
    let node = storageTopOf(contract);
    while (node != 0 && node != account && budget > 0) {
      const mask = isBranch(node) ? maskOf(node) : 0;
      if (mask != 0) {
        const last = popcnt<u32>(mask) - 1;
        // The walk comes back here by the parent link and finds one child less.
        setMask(node, mask & ~(0x80000000 >> clz<u32>(mask)));
        node = load<u32>(childSlot(node, last));
        continue;
      }
      const parent = parentOf(node);
      if (!isBranch(node)) removeFromIndex(node);
      release(node, kindOf(node));
      node = parent;
      budget--;
    }
    if (node != 0 && node != account) {
      // Where the next call goes on.
      setStorageTop(contract, node);
      return;
    }
    dropped = nextOf(account);
    release(contract, CONTRACT);
    release(account, ACCOUNT);
    budget--;
  }
}
