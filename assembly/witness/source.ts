import { HASH_BYTES } from '../constants';
import { isSameHash } from '../copy';
import { reserve } from '../heap';
import { hashCopy, hashWaiting } from '../hash-queue';
import { READ_AHEAD } from './space';

/*
 * The nodes of the witness by their hash, which is computed here: a stranger cannot mislabel one.
 */
/** Of the table of nodes: where a node starts behind the table, and its length. */
const ENTRY_BYTES: usize = 8;
const MIN_SLOTS: usize = 64;

let count: usize = 0;
let table: usize = 0;
let hashes: usize = 0;
/** Numbers of nodes and one, 0 in a free place; twice as many places as nodes, a power of two. */
let slots: usize = 0;
let slotShift: u64 = 0;
let slotMask: usize = 0;
/** An odd secret: strangers choose the hashes, and could fill one stretch of the table (multiply-shift hashing). */
let multiplier: u64 = 1;

/** Makes room for the table of nodes, and behind it for the bytes of the witness; returns where. */
export function reserveWitness(bytes: usize, nodes: usize, secret: u64): usize {
  count = nodes;
  multiplier = secret | 1;
  let places = MIN_SLOTS;
  while (places < 2 * nodes) places <<= 1;
  slotMask = places - 1;
  slotShift = 64 - (ctz<usize>(places) as u64);
  slots = reserve(places * 4);
  memory.fill(slots, 0, places * 4);
  hashes = reserve(nodes * HASH_BYTES);
  table = reserve((nodes * ENTRY_BYTES + bytes + READ_AHEAD + 63) & ~63);
  return table;
}

@inline
function startOf(node: usize): usize {
  return table + count * ENTRY_BYTES + load<u32>(table + node * ENTRY_BYTES);
}

@inline
function lengthOf(node: usize): usize {
  return load<u32>(table + node * ENTRY_BYTES + 4);
}

/** To be called when table and witness are written. */
export function indexNodes(): void {
  for (let node: usize = 0; node < count; node++) hashCopy(startOf(node), lengthOf(node), hashes + node * HASH_BYTES);
  hashWaiting();
  for (let node: usize = 0; node < count; node++) {
    const slot = slotOf(hashes + node * HASH_BYTES);
    // A node that comes twice is the same.
    if (load<u32>(slot) == 0) store<u32>(slot, node + 1);
  }
}

/** The place of a hash in the index: its own, or the free one where it would be. */
function slotOf(hash: usize): usize {
  let place = ((load<u64>(hash) * multiplier) >> slotShift) as usize;
  while (!isFreeOrOf(slots + place * 4, hash)) place = (place + 1) & slotMask;
  return slots + place * 4;
}

@inline
function isFreeOrOf(slot: usize, hash: usize): bool {
  const entry: usize = load<u32>(slot);
  return entry == 0 || isSameHash(hash, hashes + (entry - 1) * HASH_BYTES);
}

export let foundAt: usize = 0;
export let foundLength: usize = 0;

/** Finds the node with a hash: where it is, is then in {@link foundAt} and {@link foundLength}. */
export function find(hash: usize): bool {
  const entry: usize = load<u32>(slotOf(hash));
  if (entry == 0) return false;
  foundAt = startOf(entry - 1);
  foundLength = lengthOf(entry - 1);
  return true;
}
