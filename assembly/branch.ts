import { HASH_BYTES } from './constants';
import { copyHash } from './copy';
import { pad } from './keccak';
import { BRANCH, capacityOf, childSlot, embeddedOf, encodedOf, LARGEST_BRANCH, maskOf, setEmbedded, setMask } from './record';

/** Most children with which the RLP list header has two bytes. */
const SHORT_HEADER_CHILDREN: u32 = 7;
/** Items of a branch that are not hashes, the value included, have one byte. */
const ITEMS: u32 = 17;

// Indexed by nibble.
const gatheredChildren: usize = memory.data(64, 4);
const gatheredHashes: usize = memory.data(512, 8);

@inline
function headerBytes(children: u32): u32 {
  return children <= SHORT_HEADER_CHILDREN ? 2 : 3;
}

/** RLP length of a branch with this many children, all of them hashes. */
@inline
export function branchLength(children: u32): u32 {
  return headerBytes(children) + ITEMS + children * 32;
}

@inline
function indexOf(mask: u32, nibble: u32): u32 {
  return popcnt<u32>(mask & ((1 << nibble) - 1));
}

/** The child under `nibble` as it is linked now, 0 when there is none. */
@inline
export function childAt(branch: usize, nibble: u32): usize {
  const mask = maskOf(branch);
  return mask & (1 << nibble) ? <usize>load<u32>(childSlot(branch, indexOf(mask, nibble))) : 0;
}

/** Links another node in the place of a child. */
@inline
export function replaceChild(branch: usize, nibble: u32, child: usize): void {
  store<u32>(childSlot(branch, indexOf(maskOf(branch), nibble)), child);
}

/** Where the hash of the child under `nibble` stands in the prepared RLP. */
@inline
export function hashSlot(branch: usize, nibble: u32): usize {
  const mask = maskOf(branch);
  return encodedOf(branch) + headerBytes(popcnt<u32>(mask)) + nibble + indexOf(mask, nibble) * 32 + 1;
}

/**
 * Rewrites `to` (which may be `from`) for the children of `mask`: those of `from` keep address and hash, a new one has
 * address 0 until it is linked.
 */
export function layOut(from: usize, to: usize, mask: u32): void {
  const kept = maskOf(from) & mask;
  const children = popcnt<u32>(mask);
  for (let rest = kept; rest != 0; rest &= rest - 1) {
    const nibble = ctz<u32>(rest);
    store<u32>(gatheredChildren + nibble * 4, childAt(from, nibble));
    copyHash(gatheredHashes + nibble * 32, hashSlot(from, nibble));
  }
  setEmbedded(to, embeddedOf(from) & mask);
  setMask(to, mask);
  let at = encodedOf(to);
  const length = branchLength(children);
  if (headerBytes(children) == 2) {
    store<u16>(at, ((length - 2) << 8) | 0xf8);
    at += 2;
  } else {
    store<u8>(at, 0xf9);
    store<u16>(at + 1, bswap<u16>((length - 3) as u16));
    at += 3;
  }
  let index: u32 = 0;
  for (let nibble: u32 = 0; nibble < 16; nibble++) {
    const bit: u32 = 1 << nibble;
    if (!(mask & bit)) {
      store<u8>(at++, 0x80);
      continue;
    }
    store<u32>(childSlot(to, index++), kept & bit ? load<u32>(gatheredChildren + nibble * 4) : 0);
    store<u8>(at++, 0xa0);
    if (kept & bit) copyHash(at, gatheredHashes + nibble * 32);
    at += HASH_BYTES;
  }
  store<u8>(at, 0x80);
  pad(encodedOf(to), length);
}

/** The kind a branch of `kind` should have with this many children; a shrinking one keeps a place free, so as not to flutter. */
export function fittingKind(kind: u32, children: u32): u32 {
  while (kind < LARGEST_BRANCH && children > capacityOf(kind)) kind++;
  while (kind > BRANCH && children < capacityOf(kind - 1)) kind--;
  return kind;
}

/** Any child, which every branch has. */
@inline
export function firstChild(branch: usize): usize {
  return load<u32>(childSlot(branch, 0));
}
