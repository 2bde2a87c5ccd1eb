import { copyHash, zeroWords } from './copy';
import { permutePair } from './keccak-pair';
import { invertLanes, permute } from './keccak-single';

/** Bytes that one permutation takes in for a 256-bit digest. */
export const RATE: usize = 136;
const RATE_LANES: usize = 17;
const LANES: usize = 25;
const DIGEST_LANES: usize = 4;

const SCALAR_STATE: usize = memory.data(200, 16);
const PAIR_STATE: usize = memory.data(400, 16);

/** Blocks of a message with this many bytes; padding takes at least one byte. */
@inline
export function blocksOf(length: usize): usize {
  return length / RATE + 1;
}

/** Pads the message at `at` in place (the original Keccak padding, 0x01 first); its last block is overwritten up to the end. */
export function pad(at: usize, length: usize): void {
  const end = at + blocksOf(length) * RATE;
  let free = at + length;
  store<u8>(free++, 1);
  while (free < end && (free - at) & 7) store<u8>(free++, 0);
  zeroWords(free, (end - free) >> 3);
  store<u8>(end - 1, load<u8>(end - 1) | 0x80);
}

/** Keccak-256 of a padded message of `blocks` blocks; 32 bytes go to `target`. */
export function hashOne(source: usize, blocks: usize, target: usize): void {
  zeroWords(SCALAR_STATE, LANES);
  absorb(SCALAR_STATE, source, blocks);
  copyHash(target, SCALAR_STATE);
}

/** Takes whole blocks into the 25 lanes at `state`; a hash begins with zeros and is the first 32 bytes there in the end. */
export function absorb(state: usize, source: usize, blocks: usize): void {
  invertLanes(state);
  for (const end = source + blocks * RATE; source < end; source += RATE) {
    for (let at: usize = 0; at < RATE; at += 8) store<u64>(state + at, load<u64>(state + at) ^ load<u64>(source + at));
    permute(state);
  }
  invertLanes(state);
}

/** Keccak-256 of two padded messages with the same number of blocks, in the time of about one and a quarter. */
export function hashTwo(sourceA: usize, sourceB: usize, blocks: usize, targetA: usize, targetB: usize): void {
  zeroWords(PAIR_STATE, 2 * LANES);
  for (let block: usize = 0; block < blocks; block++) {
    for (let lane: usize = 0; lane < RATE_LANES; lane++) {
      const at = PAIR_STATE + lane * 16;
      const words = v128.load_lane<u64>(sourceB + lane * 8, v128.load_zero<u64>(sourceA + lane * 8), 1);
      v128.store(at, v128.xor(v128.load(at), words));
    }
    permutePair(PAIR_STATE);
    sourceA += RATE;
    sourceB += RATE;
  }
  for (let lane: usize = 0; lane < DIGEST_LANES; lane++) {
    const words = v128.load(PAIR_STATE + lane * 16);
    v128.store_lane<u64>(targetA + lane * 8, words, 0);
    v128.store_lane<u64>(targetB + lane * 8, words, 1);
  }
}
