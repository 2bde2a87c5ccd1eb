import { CHUNK_BYTES, reserve } from '../heap';

/** Short copies read whole words: up to 7 bytes behind what they need. */
export const READ_AHEAD: usize = 8;

let at: usize = 0;
let end: usize = 0;

/** A few bytes until the end of the check, on a word's boundary. */
export function take(bytes: usize): usize {
  const needed = (bytes + 7) & ~7;
  if (at + needed + READ_AHEAD > end) {
    at = reserve(CHUNK_BYTES);
    end = at + CHUNK_BYTES;
  }
  const taken = at;
  at += needed;
  return taken;
}
