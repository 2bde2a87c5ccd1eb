import { HASH_BYTES } from './constants';
import { copyHash, copyWords } from './copy';
import { nibbleAt } from './nibbles';

/*
 * Parts of nodes as RLP (Yellow Paper, appendices B and C). All return the position behind what they wrote.
 */

export const LEAF_FLAG: u32 = 0x20;

@inline
export function writeHash(at: usize, hash: usize): usize {
  store<u8>(at, 0xa0);
  copyHash(at + 1, hash);
  return at + 1 + HASH_BYTES;
}

/** Hex-prefix form of key nibbles `from` (included) to `to` (excluded), as an RLP string. */
export function writePath(at: usize, key: usize, from: i32, to: i32, flag: u32): usize {
  const nibbles = to - from;
  const bytes = (nibbles >> 1) + 1;
  if (bytes > 1) store<u8>(at++, 0x80 + bytes);
  if (nibbles & 1) store<u8>(at++, flag | 0x10 | nibbleAt(key, from++));
  else store<u8>(at++, flag);
  if (from & 1) {
    for (; from < to; from += 2) store<u8>(at++, (nibbleAt(key, from) << 4) | nibbleAt(key, from + 1));
    return at;
  }
  const rest = <usize>((to - from) >> 1);
  // Whole words: what is too much is overwritten by what follows.
  copyWords(at, key + (from >> 1), (rest + 7) >> 3);
  return at + rest;
}

/** RLP of a number in `words` little-endian words. */
export function writeNumber(at: usize, number: usize, words: i32): usize {
  let bytes = words * 8;
  while (bytes > 0 && load<u8>(number + bytes - 1) == 0) bytes--;
  if (bytes != 1 || load<u8>(number) >= 0x80) store<u8>(at++, 0x80 + bytes);
  while (bytes > 0) store<u8>(at++, load<u8>(number + --bytes));
  return at;
}

/** RLP of a 32-byte big-endian word without its leading zeros, as a slot's leaf has it; nothing for zero. */
export function writeWord(at: usize, word: usize): usize {
  let zeros: usize = 0;
  while (zeros < 32 && load<u8>(word + zeros) == 0) zeros++;
  const length: usize = 32 - zeros;
  if (length == 0) return at;
  if (length > 1 || load<u8>(word + 31) >= 0x80) store<u8>(at++, 0x80 + length);
  memory.copy(at, word + zeros, length);
  return at + length;
}
