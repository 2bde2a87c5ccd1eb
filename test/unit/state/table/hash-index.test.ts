import { describe, expect, test } from 'vitest';
import { keyedHash } from '../../../../src/state/table/keyed-hash.ts';
import { CONTROL_SEED, SLOT_LAYOUT } from '../../../../src/state/table/layout.ts';
import { PageAllocator } from '../../../../src/state/table/page-allocator.ts';
import { SlotRows } from '../../../../src/state/table/slot-rows.ts';
import { createMemory, TableMemory } from '../../../../src/state/table/table-memory.ts';
import { bigIntToBytes32 } from '../../../../src/util/bytes.ts';

/** The first table has 8,192 entries: this many keys replace it three times. */
const KEYS = 26_000;
const OLD_TABLE = SLOT_LAYOUT.index.control + 2;
const CURSOR = SLOT_LAYOUT.index.control + 4;

function create() {
  const memory = new TableMemory(createMemory(4_096));
  memory.set(CONTROL_SEED, 0x2545_f491);
  const allocator = new PageAllocator(memory);
  const slots = new SlotRows(memory);
  const add = (key: bigint): number => {
    slots.reserve(1, allocator);
    return slots.add(0, -1, bigIntToBytes32(key), 0, allocator);
  };
  const find = (key: bigint): number => slots.find(0, bigIntToBytes32(key));
  const findAll = (keys: readonly bigint[]): Int32Array => {
    const rows = new Int32Array(keys.length);
    const bytes = new Uint8Array(keys.length * 32);
    for (const [i, key] of keys.entries()) bytes.set(bigIntToBytes32(key), i * 32);
    slots.findAll(new Uint32Array(keys.length), bytes, keys.length, rows);
    return rows;
  };
  return { memory, slots, add, find, findAll };
}

describe.each([
  { what: 'ascending keys', keyOf: (i: number) => BigInt(i) },
  { what: 'keys that differ in their highest bits', keyOf: (i: number) => BigInt(i) << 238n },
  { what: 'keys that differ in the middle', keyOf: (i: number) => BigInt(i) << 128n },
  { what: 'keys in steps of the size of the table', keyOf: (i: number) => BigInt(i) * 8_192n * 65_536n },
])('$what', ({ keyOf }) => {
  test('are found while the index grows, and others are not', () => {
    const { slots, add, find } = create();
    for (let i = 0; i < KEYS; i++) {
      expect(add(keyOf(i))).toBe(i);
      const probe = (i * 7_919) % (i + 1);
      if (find(keyOf(probe)) !== probe || find(keyOf(KEYS + probe)) !== -1) expect.fail(`key ${probe} after ${i}`);
    }
    for (let i = 0; i < KEYS; i++) if (find(keyOf(i)) !== i) expect.fail(`key ${i}`);
    expect(slots.find(1, bigIntToBytes32(keyOf(0)))).toBe(-1);
  });

  test('are found many at a time, at any stage of the growth', () => {
    const { slots, add, findAll } = create();
    for (let target = 0; target < KEYS; target += 1_999) {
      while (slots.count < target) add(keyOf(slots.count));
      const numbers = Array.from({ length: 300 }, (_, i) => (i * 7_919) % (2 * target + 1));
      const expected = numbers.map((number) => (number < target ? number : -1));
      expect([...findAll(numbers.map(keyOf))]).toEqual(expected);
    }
  });

  test('are taken out and put in again at any stage of the growth', () => {
    const { slots, add, find } = create();
    for (let target = 1_000; target < KEYS; target += 1_777) {
      while (slots.count < target) add(keyOf(slots.count));
      const kept = target - ((target * 31) % 1_500);
      while (slots.count > kept) slots.removeLast();
      for (let i = 0; i < target; i++) if (find(keyOf(i)) !== (i < kept ? i : -1)) expect.fail(`key ${i} of ${kept}`);
    }
  });
});

test('an insertion moves two entries at most, and the old table is empty before the new one is full', () => {
  const { memory, slots, add } = create();
  let cursor = 0;
  let growths = 0;
  while (slots.count < KEYS) {
    const growing = memory.get(OLD_TABLE) !== 0;
    const size = memory.get(SLOT_LAYOUT.index.control + 1);
    add(BigInt(slots.count));
    if (memory.get(SLOT_LAYOUT.index.control + 1) !== size) {
      expect(growing).toBe(false);
      growths++;
      cursor = 0;
    }
    if (memory.get(OLD_TABLE) !== 0) {
      cursor += 2;
      expect(memory.get(CURSOR)).toBe(cursor);
    }
  }
  expect(growths).toBe(4);
});

test('keys with the same hash are told apart when many are looked for at a time', () => {
  const { memory, add, findAll } = create();
  const keys = 200_000;
  const hashes = new Set<number>();
  for (let i = 0; i < keys; i++) {
    add(BigInt(i));
    hashes.add(keyedHash(Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, swapBytes(i)), 0, 9, memory.get(CONTROL_SEED), 0));
  }
  expect(hashes.size).toBeLessThan(keys);
  const rows = findAll(Array.from({ length: keys }, (_, i) => BigInt(i)));
  expect(rows.every((row, i) => row === i)).toBe(true);
});

function swapBytes(word: number): number {
  return new DataView(Uint32Array.of(word).buffer).getInt32(0);
}
