import { parentOf } from './record';

/*
 * Records of a large state are in no cache. A batch is therefore walked in steps, one load for every entry at each, so
 * that the processor waits for many of them at once.
 */

/** Up to 64 entries. */
const noted: usize = memory.data(256, 4);
/** Keeps the loads from being left out as useless. */
let sink: u32 = 0;

/** Notes the bucket whose chain has the record of entry `index`; nearly always it is the first. */
@inline
export function noteBucket(index: u32, bucket: usize): void {
  store<u32>(noted + index * 4, bucket);
}

/** Loads the noted buckets, then the records, then their parents, then the parents of those. */
export function fetchNoted(count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(noted + i * 4, load<u32>(load<u32>(noted + i * 4)));
  let mixed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const leaf: usize = load<u32>(noted + i * 4);
    if (leaf == 0) continue;
    // Both cache lines of the record.
    mixed ^= load<u32>(leaf, 96);
    store<u32>(noted + i * 4, parentOf(leaf));
  }
  for (let step = 0; step < 2; step++) {
    for (let i: u32 = 0; i < count; i++) {
      const node: usize = load<u32>(noted + i * 4);
      if (node != 0) store<u32>(noted + i * 4, parentOf(node));
    }
  }
  sink ^= mixed;
}
