import { branchLength, firstChild, hashSlot, childAt } from './branch';
import { blocksOf, hashOne, pad } from './keccak';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, HASH_BYTES } from './constants';
import { copyWords } from './copy';
import { resolve } from './journal';
import {
  balanceOf,
  codeHashOf,
  contractOf,
  depthOf,
  embeddedOf,
  encodedOf,
  isBranch,
  keyHashOf,
  kindOf,
  maskOf,
  nonceOf,
  SLOT,
  storageRootOf,
  valueLengthOf,
  valueOf,
} from './record';
import { LEAF_FLAG, writeHash, writeNumber, writePath } from './rlp';

/*
 * RLP of nodes (Yellow Paper, appendices B to D). All writers return the position behind what they wrote.
 */

const KEY_NIBBLES: i32 = 64;

const bodyHash: usize = memory.data(32, 8);

/** Header of a list whose payload of at most 255 bytes stands from `payload` on, moved to follow its header at `at`. */
function closeList(at: usize, payload: usize, end: usize): usize {
  const length = end - payload;
  if (length <= 55) {
    store<u8>(at++, 0xc0 + length);
  } else {
    store<u8>(at++, 0xf8);
    store<u8>(at++, length);
  }
  if (at != payload) memory.copy(at, payload, length);
  return at + length;
}

/** A leaf whose own part of the key starts at nibble `from`. */
export function writeLeaf(at: usize, leaf: usize, from: i32): usize {
  const payload = at + 2;
  const end = writePath(payload, keyHashOf(leaf), from, KEY_NIBBLES, LEAF_FLAG);
  return closeList(at, payload, kindOf(leaf) == SLOT ? writeSlotValue(end, leaf) : writeAccountValue(end, leaf));
}

function writeSlotValue(at: usize, slot: usize): usize {
  const length = valueLengthOf(slot);
  const value = valueOf(slot);
  if (length != 1 || load<u8>(value) >= 0x80) store<u8>(at++, 0x80 + length);
  copyWords(at, value, (length + 7) >> 3);
  return at + length;
}

/** The value of an account is a list of 70 to 110 bytes: both headers have two bytes. */
function writeAccountValue(at: usize, account: usize): usize {
  const contract = contractOf(account);
  let end = writeNumber(at + 4, nonceOf(account), 1);
  end = writeNumber(end, balanceOf(account), 4);
  end = writeHash(end, contract == 0 ? EMPTY_TRIE_ROOT : storageRootOf(contract));
  end = writeHash(end, contract == 0 ? EMPTY_CODE_HASH : codeHashOf(contract));
  store<u8>(at, 0xb8);
  store<u8>(at + 1, end - at - 2);
  store<u8>(at + 2, 0xf8);
  store<u8>(at + 3, end - at - 4);
  return end;
}

/** A branch, without the extension that may be above it; its children's hashes must be known. */
export function writeBranch(at: usize, branch: usize): usize {
  const embedded = embeddedOf(branch);
  if (embedded == 0) {
    const length = branchLength(popcnt<u32>(maskOf(branch)));
    copyWords(at, encodedOf(branch), ((length + 7) >> 3) as usize);
    return at + length;
  }
  const mask = maskOf(branch);
  const payload = at + 3;
  let end = payload;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    const bit: u32 = 1 << nibble;
    if (!(mask & bit)) store<u8>(end++, 0x80);
    else if (embedded & bit) end = writeNode(end, resolve(childAt(branch, nibble)), depthOf(branch) + 1);
    else end = writeHash(end, hashSlot(branch, nibble));
  }
  store<u8>(end++, 0x80);
  const length = end - payload;
  if (length <= 255) return closeList(at, payload, end);
  store<u8>(at, 0xf9);
  store<u16>(at + 1, bswap<u16>(length as u16));
  return end;
}

/**
 * The node that starts at nibble `from` of the key: a leaf, a branch, or the extension above a branch. For an extension
 * the branch is written first where its hash will stand: there must be room for 4 blocks behind its path.
 */
export function writeNode(at: usize, node: usize, from: i32): usize {
  if (!isBranch(node)) return writeLeaf(at, node, from);
  if (depthOf(node) == from) return writeBranch(at, node);
  return writeExtension(at, node, from);
}

function writeExtension(at: usize, branch: usize, from: i32): usize {
  const payload = at + 2;
  let end = writePath(payload, keyHashOf(anyLeaf(branch)), from, depthOf(branch), 0);
  const length = writeBranch(end, branch) - end;
  if (length < HASH_BYTES) return closeList(at, payload, end + length);
  pad(end, length);
  hashOne(end, blocksOf(length), bodyHash);
  end = writeHash(end, bodyHash);
  return closeList(at, payload, end);
}

/** The extension above `branch` with its last 32 bytes, the hash of the branch, left open. */
export function writeOpenExtension(at: usize, branch: usize, from: i32): usize {
  const payload = at + 2;
  const end = writePath(payload, keyHashOf(anyLeaf(branch)), from, depthOf(branch), 0);
  return closeList(at, payload, writeHash(end, bodyHash));
}

/** A leaf below `node`, whose key has the paths of all nodes above it. */
export function anyLeaf(node: usize): usize {
  while (isBranch(node)) node = resolve(firstChild(node));
  return node;
}
