/**
 * Hashes of messages of any length: what src/util/hashes.ts calls. A message passes through INPUT, all of it when it is
 * shorter, else one fill after the other and a last, shorter one, which may be empty. The digest is then in OUTPUT, and
 * everything is as before, ready for the next message.
 */
import { copyHash, zeroWords } from './copy';
import { absorb, blocksOf, pad, RATE } from './keccak';
import { finish, takeStripes } from './xxhash64';

const LANES: usize = 25;

/** A fill: whole blocks of either hash. */
export const INPUT_BYTES: usize = 16320;
export const INPUT: usize = memory.data(16320, 64);
export const OUTPUT: usize = memory.data(32, 16);

const keccakState: usize = memory.data(200, 64);

/** Takes a full INPUT into a keccak-256. */
export function keccakFill(): void {
  absorb(keccakState, INPUT, INPUT_BYTES / RATE);
}

/** Ends a keccak-256 with the first `length` bytes of INPUT, fewer than a fill. */
export function keccakEnd(length: usize): void {
  pad(INPUT, length);
  absorb(keccakState, INPUT, blocksOf(length));
  copyHash(OUTPUT, keccakState);
  zeroWords(keccakState, LANES);
}

/** Takes a full INPUT into an XXH64. */
export function xxHash64Fill(): void {
  takeStripes(INPUT, INPUT + INPUT_BYTES);
}

/** Ends an XXH64 with the first `length` bytes of INPUT; its 8 bytes are big-endian, as its specification prints them. */
export function xxHash64End(length: usize): void {
  store<u64>(OUTPUT, bswap<u64>(finish(INPUT, INPUT + length)));
}
