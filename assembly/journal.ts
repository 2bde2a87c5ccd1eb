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
 * What has changed: since the last root (lists of dirty nodes), and since the begin of the open block and of those before
 * it that are not forgotten (copies of records as they were). A dirty node has dirty ancestors only, and with a block open
 * a dirty node has its copy of before the block.
 *
 * A view is the state at the begin of a block. Copies of a record are chained from the newest to the oldest, each with
 * the block in which it was made or changed first: the one that stands in a view is the first that is older.
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
/** The oldest block whose begin can be looked at. */
let oldest: u32 = 1;
/** Most blocks whose begin can be looked at: some more than may wait for attestations (MAX_VIEWS in src/state/arena). */
const MAX_VIEWS: u32 = 4096;
// By block, modulo MAX_VIEWS: top of the account trie at its begin; the last chunk with copies and the records that went
// out of a trie in it, at its end.
const tops: usize = memory.data(16384, 4);
const lastChunks: usize = memory.data(16384, 4);
const heldLists: usize = memory.data(16384, 4);

/** Copies stand one behind the other in a chain of chunks, each of which starts with the address of the next. */
const CHUNK_LINK_BYTES: usize = 16;
let firstChunk: usize = 0;
/** The chunk in use, 0 before the first copy. */
let chunk: usize = 0;
let chunkAt: usize = 0;
/** Where the copies of the open block begin. */
let blockStart: usize = 0;
/** Chunks that are free again, linked in the same way. */
let spareChunk: usize = 0;
let chunkCount: u32 = 0;
/** Records that were in a trie when the block began and no longer are. */
let held: usize = 0;
/** Bytes of such records, of all blocks that are not forgotten. */
let heldBytes: usize = 0;
/** Accounts out of every view whose storage is still to be released. */
let dropped: usize = 0;
/** The block whose begin is looked at, 0 for the present. */
let view: u32 = 0;

/** Chooses what is looked at: the begin of a block that is not forgotten, or the present (0). */
export function setView(at: u32): void {
  view = at;
}

export function presentBlock(): u32 {
  return block;
}

@inline
function entryOf(table: usize, ofBlock: u32): usize {
  return table + (ofBlock % MAX_VIEWS) * 4;
}

/** Top of the account trie in the view; `present` is the one there is now. */
export function topInView(present: usize): usize {
  return resolve(view == 0 ? present : <usize>load<u32>(entryOf(tops, view)));
}

/** The record that stands for `node` in the view. */
@inline
export function resolve(node: usize): usize {
  return view == 0 || node == 0 ? node : versionInView(node);
}

function versionInView(node: usize): usize {
  while (stampOf(node) >= view) {
    const copy = savedOf(node);
    if (copy == 0) return node;
    node = copy;
  }
  return node;
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
  let next = spareChunk;
  if (next != 0) spareChunk = load<u32>(next);
  else next = reserve(CHUNK_BYTES);
  store<u32>(next, 0);
  if (chunk == 0) firstChunk = next;
  else store<u32>(chunk, next);
  chunk = next;
  chunkAt = next + CHUNK_LINK_BYTES;
  chunkCount++;
}

/** What looking back takes, bytes. */
export function journalBytes(): usize {
  return chunkCount * CHUNK_BYTES + heldBytes;
}

/** Disposes of a dead record that has left the dirty list. */
export function retire(node: usize): void {
  if (block != 0 && savedOf(node) != 0 && stampOf(node) == block) {
    setNext(node, held);
    held = node;
    heldBytes += bytesOf(kindOf(node));
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

/** Ends the open block and begins the next; nothing may be dirty. The oldest goes when too many are kept. */
export function beginBlock(accountTop: usize): void {
  if (block != 0) {
    store<u32>(entryOf(lastChunks, block), chunk);
    store<u32>(entryOf(heldLists, block), held);
    held = 0;
    // Its entry is needed for the next.
    if (block + 1 - oldest == MAX_VIEWS) forgetOldest();
  }
  block++;
  blockStart = chunkAt;
  store<u32>(entryOf(tops, block), accountTop);
}

/** Forgets how the state was when the oldest block began; returns the oldest that is left. The open block always is. */
export function forgetOldest(): u32 {
  if (oldest >= block) return oldest;
  const end = <usize>load<u32>(entryOf(lastChunks, oldest));
  // The last one has copies of the next block, too.
  while (end != 0 && firstChunk != end) {
    const free = firstChunk;
    firstChunk = load<u32>(free);
    store<u32>(free, spareChunk);
    spareChunk = free;
    chunkCount--;
  }
  let node = <usize>load<u32>(entryOf(heldLists, oldest));
  while (node != 0) {
    const next = nextOf(node);
    heldBytes -= bytesOf(kindOf(node));
    dispose(node);
    node = next;
  }
  oldest++;
  if (oldest == block && chunk != 0 && chunk == end && chunkAt == blockStart) chunkAt = chunk + CHUNK_LINK_BYTES;
  return oldest;
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
