import type { Bytes } from '../../util/bytes.ts';
import { Scratch } from './scratch.ts';

/** Up to this many, comparing keys in place beats counting their digits. */
const SMALL_RUN = 48;
/** Key bytes that one round of counting sorts by: as two digits of 12 bits. */
const ROUND_BYTES = 3;
const DIGIT_BITS = 12;
const DIGITS = 1 << DIGIT_BITS;
const DIGIT_MASK = DIGITS - 1;

const orderScratch = new Scratch();
const passScratch = new Scratch();
const prefixScratch = new Scratch();
const countScratch = new Scratch();
const groupScratch = new Scratch();

/**
 * The order of keys of `width` bytes each, within groups in ascending order: position -> index. Comparing byte strings
 * would take most of a decoder's time, so this counts leading digits and looks further only where they are equal.
 * @param groups group number by key; absent: one group
 * @returns scratch memory, valid until the next call
 */
export function orderKeys(keys: Bytes, width: number, count: number, groups?: Uint32Array, groupCount = 1): Uint32Array {
  const sorter = new KeySorter(keys, width, count);
  return sorter.sort(groups, groupCount);
}

/** Index -> position, in an array of its own. */
export function inverse(order: Uint32Array): Uint32Array {
  const positions = new Uint32Array(order.length);
  for (let position = 0; position < order.length; position++) positions[order[position] as number] = position;
  return positions;
}

class KeySorter {
  readonly #keys: Bytes;
  readonly #width: number;
  readonly #count: number;
  readonly #order: Uint32Array;
  readonly #scratch: Uint32Array;
  /** Leading digits by index, at the depth of the round. */
  readonly #prefixes: Uint32Array;

  constructor(keys: Bytes, width: number, count: number) {
    this.#keys = keys;
    this.#width = width;
    this.#count = count;
    this.#order = orderScratch.uint32(count);
    this.#scratch = passScratch.uint32(count);
    this.#prefixes = prefixScratch.uint32(count);
  }

  sort(groups: Uint32Array | undefined, groupCount: number): Uint32Array {
    const order = this.#order;
    const count = this.#count;
    for (let i = 0; i < count; i++) order[i] = i;
    if (groups === undefined || groupCount < 2) {
      this.#sortRun(0, count, 0);
      return order;
    }
    if (count > SMALL_RUN) this.#sortByPrefix(0, count, 0);
    const ends = this.#sortByGroup(groups, groupCount);
    let from = 0;
    for (const to of ends) {
      if (count > SMALL_RUN) this.#finishRuns(from, to, 0);
      else this.#insertionSort(from, to, 0);
      from = to;
    }
    return order;
  }

  /** Stable; returns the position behind each group. */
  #sortByGroup(groups: Uint32Array, groupCount: number): Uint32Array {
    const order = this.#order;
    const before = this.#scratch;
    before.set(order);
    const next = groupScratch.uint32(groupCount).fill(0);
    for (const group of groups) (next[group] as number)++;
    startsOf(next, 0, groupCount, 0);
    for (const index of before) {
      const group = groups[index] as number;
      order[next[group] as number] = index;
      (next[group] as number)++;
    }
    return next;
  }

  /** Sorts positions `from` to `to`, whose keys are equal up to `depth`. */
  #sortRun(from: number, to: number, depth: number): void {
    if (to - from <= SMALL_RUN) {
      this.#insertionSort(from, to, depth);
      return;
    }
    const shared = this.#sharedDepth(from, to, depth);
    if (shared === this.#width) return;
    this.#sortByPrefix(from, to, shared);
    this.#finishRuns(from, to, shared);
  }

  /** Depth up to which all keys of the run are equal: keys of small numbers share most of their bytes. */
  #sharedDepth(from: number, to: number, depth: number): number {
    const keys = this.#keys;
    const width = this.#width;
    const first = (this.#order[from] as number) * width;
    let shared = width;
    for (let i = from + 1; i < to && shared > depth; i++) {
      const at = (this.#order[i] as number) * width;
      let same = depth;
      while (same < shared && keys[first + same] === keys[at + same]) same++;
      shared = same;
    }
    return shared;
  }

  /** Stable sort of a run by the {@link ROUND_BYTES} at `depth`, whose prefixes stay in place for the next step. */
  #sortByPrefix(from: number, to: number, depth: number): void {
    const order = this.#order;
    const scratch = this.#scratch;
    const prefixes = this.#prefixes;
    const counts = countScratch.uint32(2 * DIGITS).fill(0);
    for (let i = from; i < to; i++) {
      const index = order[i] as number;
      const prefix = this.#prefix(index, depth);
      prefixes[index] = prefix;
      (counts[prefix & DIGIT_MASK] as number)++;
      (counts[DIGITS + (prefix >>> DIGIT_BITS)] as number)++;
    }
    startsOf(counts, 0, DIGITS, from);
    startsOf(counts, DIGITS, DIGITS, from);
    for (let i = from; i < to; i++) {
      const index = order[i] as number;
      const digit = (prefixes[index] as number) & DIGIT_MASK;
      scratch[counts[digit] as number] = index;
      (counts[digit] as number)++;
    }
    for (let i = from; i < to; i++) {
      const index = scratch[i] as number;
      const digit = DIGITS + ((prefixes[index] as number) >>> DIGIT_BITS);
      order[counts[digit] as number] = index;
      (counts[digit] as number)++;
    }
  }

  #prefix(index: number, depth: number): number {
    const at = index * this.#width;
    let prefix = 0;
    for (let i = depth; i < depth + ROUND_BYTES; i++) {
      prefix = (prefix << 8) | (i < this.#width ? (this.#keys[at + i] as number) : 0);
    }
    return prefix;
  }

  /** Sorts on where neighbours, sorted by the prefixes of `depth`, have the same ones. */
  #finishRuns(from: number, to: number, depth: number): void {
    let start = from;
    while (start < to) {
      const prefix = this.#prefixes[this.#order[start] as number];
      let end = start + 1;
      while (end < to && this.#prefixes[this.#order[end] as number] === prefix) end++;
      if (end - start > 1 && depth + ROUND_BYTES < this.#width) this.#sortRun(start, end, depth + ROUND_BYTES);
      start = end;
    }
  }

  #insertionSort(from: number, to: number, depth: number): void {
    const order = this.#order;
    for (let i = from + 1; i < to; i++) {
      const index = order[i] as number;
      let at = i;
      while (at > from && this.#compare(order[at - 1] as number, index, depth) > 0) {
        order[at] = order[at - 1] as number;
        at--;
      }
      order[at] = index;
    }
  }

  #compare(a: number, b: number, depth: number): number {
    const keys = this.#keys;
    const width = this.#width;
    let left = a * width + depth;
    let right = b * width + depth;
    for (let i = depth; i < width; i++, left++, right++) {
      const difference = (keys[left] as number) - (keys[right] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

/** Turns the `length` counts at `at` into the positions where each begins. */
function startsOf(counts: Uint32Array, at: number, length: number, from: number): void {
  let start = from;
  for (let i = at; i < at + length; i++) {
    const count = counts[i] as number;
    counts[i] = start;
    start += count;
  }
}
