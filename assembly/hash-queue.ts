import { copyHash, copyWords, zeroWords } from './copy';
import { absorb, blocksOf, hashOne, hashTwo, pad, RATE } from './keccak';

/*
 * Hashes messages with the same number of blocks two at a time. What waits for a second one is hashed by hashWaiting.
 */

const MAX_BLOCKS: usize = 4;
const BUFFER_BYTES: usize = RATE * MAX_BLOCKS;
/** By number of blocks: the message that waits for a second one, where its hash goes (0: none waits). */
const waitingSource: usize = memory.data(20, 4);
const waitingTarget: usize = memory.data(20, 4);
/** Two buffers for each number of blocks: a waiting message stays in the first. */
const buffers: usize = memory.data(5440, 8);
const longState: usize = memory.data(200, 16);
const LANES: usize = 25;

/** Hashes a message that may change meanwhile; up to 7 bytes behind it are read. */
export function hashCopy(source: usize, length: usize, target: usize): void {
  const blocks = blocksOf(length);
  if (blocks > MAX_BLOCKS) {
    hashLong(source, length, target);
    return;
  }
  const second = load<u32>(waitingTarget + blocks * 4) != 0;
  const buffer = buffers + (blocks * 2 + (second ? 1 : 0)) * BUFFER_BYTES;
  copyAndPad(buffer, source, length);
  hashLater(buffer, blocks, target);
}

function copyAndPad(buffer: usize, source: usize, length: usize): void {
  // Whole words: what comes after the message is overwritten by the padding.
  copyWords(buffer, source, (length + 7) >> 3);
  pad(buffer, length);
}

/** Longer than any node of a valid trie. */
function hashLong(source: usize, length: usize, target: usize): void {
  const whole = length / RATE;
  zeroWords(longState, LANES);
  absorb(longState, source, whole);
  // Nothing of no blocks waits.
  copyAndPad(buffers, source + whole * RATE, length - whole * RATE);
  absorb(longState, buffers, 1);
  copyHash(target, longState);
}

/** Hashes a padded message now if another of its size waits, and lets it wait otherwise, in its place. */
export function hashLater(source: usize, blocks: usize, target: usize): void {
  const slot = blocks * 4;
  const firstTarget = load<u32>(waitingTarget + slot);
  if (firstTarget == 0) {
    store<u32>(waitingSource + slot, source);
    store<u32>(waitingTarget + slot, target);
    return;
  }
  store<u32>(waitingTarget + slot, 0);
  hashTwo(load<u32>(waitingSource + slot), source, blocks, firstTarget, target);
}

/** Hashes what found no second. */
export function hashWaiting(): void {
  for (let blocks: usize = 1; blocks <= MAX_BLOCKS; blocks++) {
    const slot = blocks * 4;
    const target = load<u32>(waitingTarget + slot);
    if (target == 0) continue;
    store<u32>(waitingTarget + slot, 0);
    hashOne(load<u32>(waitingSource + slot), blocks, target);
  }
}
