import { Scratch } from './scratch.ts';

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

const countScratch = new Scratch();
const passScratch = new Scratch();

/** Indices of rows in ascending order, by counting digits of 11 bits from the lowest. */
export function orderRows(rows: Uint32Array): Uint32Array {
  let highest = 0;
  for (const row of rows) if (row > highest) highest = row;
  let order: Uint32Array = new Uint32Array(rows.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  let target = passScratch.uint32(rows.length);
  for (let shift = 0; shift < 32 && highest >>> shift > 0; shift += DIGIT_BITS) {
    const next = countScratch.uint32(DIGITS).fill(0);
    for (const row of rows) (next[(row >>> shift) & (DIGITS - 1)] as number)++;
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = next[digit] as number;
      next[digit] = start;
      start += count;
    }
    for (const index of order) {
      const digit = ((rows[index] as number) >>> shift) & (DIGITS - 1);
      target[next[digit] as number] = index;
      (next[digit] as number)++;
    }
    [order, target] = [target, order];
  }
  return order.slice();
}
