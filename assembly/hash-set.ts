import { HASH_BYTES } from './constants';
import { copyHash, isSameHash } from './copy';
import { reserve } from './heap';

/*
 * A set of hashes that strangers may have chosen: places by a secret multiplier (multiply-shift hashing). It grows to the
 * largest use so far, and is emptied at once: what an earlier use has put there is of another generation.
 */
/** Hash, u32 generation. */
const ENTRY_BYTES: usize = 40;
const MIN_PLACES: usize = 4096;

let table: usize = 0;
let places: usize = 0;
let shift: u64 = 0;
let used: usize = 0;
let generation: u32 = 0;
let multiplier: u64 = 1;

export function setMultiplier(secret: u64): void {
  multiplier = secret | 1;
}

export function emptySet(): void {
  if (places == 0) open(MIN_PLACES);
  used = 0;
  generation++;
  if (generation != 0) return;
  // After 2^32 uses, entries of the first could seem to be of this one.
  memory.fill(table, 0, places * ENTRY_BYTES);
  generation = 1;
}

/** Fresh memory has zeros, and no generation is 0. */
function open(count: usize): void {
  places = count;
  shift = 64 - (ctz<usize>(count) as u64);
  table = reserve(count * ENTRY_BYTES);
}

/** Puts a hash into the set; false when it was there. */
export function isNewHash(hash: usize): bool {
  const entry = entryOf(hash);
  if (load<u32>(entry + HASH_BYTES) == generation) return false;
  copyHash(entry, hash);
  store<u32>(entry + HASH_BYTES, generation);
  used++;
  if (used * 2 > places) grow();
  return true;
}

/** The entry of a hash, or the free one where it would be. */
function entryOf(hash: usize): usize {
  let place = ((load<u64>(hash) * multiplier) >> shift) as usize;
  while (!isFreeOrOf(table + place * ENTRY_BYTES, hash)) place = (place + 1) & (places - 1);
  return table + place * ENTRY_BYTES;
}

@inline
function isFreeOrOf(entry: usize, hash: usize): bool {
  return load<u32>(entry + HASH_BYTES) != generation || isSameHash(entry, hash);
}

function grow(): void {
  const old = table;
  const end = old + places * ENTRY_BYTES;
  open(places * 2);
  for (let entry = old; entry < end; entry += ENTRY_BYTES) {
    if (load<u32>(entry + HASH_BYTES) != generation) continue;
    const moved = entryOf(entry);
    copyHash(moved, entry);
    store<u32>(moved + HASH_BYTES, generation);
  }
}
