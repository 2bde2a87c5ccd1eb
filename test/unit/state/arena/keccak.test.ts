import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesAt, MAX_ARENA_BYTES, openArena } from '../../../../src/state/arena/arena-module.ts';
import type { Bytes } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { runs } from '../../../support/property-runs.ts';

const RATE = 136;
const arena = openArena(MAX_ARENA_BYTES, true);
const memory = new Uint8Array(arena.memory.buffer);
/** Free memory at the end of what the module has. */
const [sourceA, sourceB, targetA, targetB] = [8192, 7168, 6144, 5120].map((back) => memory.length - back) as [
  number,
  number,
  number,
  number,
];

function stage(at: number, message: Bytes): number {
  memory.fill(0xee, at, at + 5 * RATE);
  memory.set(message, at);
  arena.pad(at, message.length);
  return Math.floor(message.length / RATE) + 1;
}

test.each([0, 1, 7, 8, 64, 127, 128, 134, 135, 136, 137, 271, 272, 407, 532])('%i bytes hash to the reference', (length) => {
  const message = Uint8Array.from({ length }, (_, i) => i * 31 + length);
  arena.hashOne(sourceA, stage(sourceA, message), targetA);
  expect(bytesAt(arena, targetA, 32)).toEqual(keccak256(message));
});

test('two messages of one block count hash to the reference, side by side', () => {
  const pair = fc
    .tuple(fc.nat(3), fc.nat(RATE - 1), fc.nat(RATE - 1))
    .chain(([blocks, a, b]) =>
      fc.tuple(
        fc.uint8Array({ minLength: blocks * RATE + a, maxLength: blocks * RATE + a }),
        fc.uint8Array({ minLength: blocks * RATE + b, maxLength: blocks * RATE + b }),
      ),
    );
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const blocks = stage(sourceA, a);
      expect(stage(sourceB, b)).toBe(blocks);
      arena.hashTwo(sourceA, sourceB, blocks, targetA, targetB);
      expect(bytesAt(arena, targetA, 32)).toEqual(keccak256(a));
      expect(bytesAt(arena, targetB, 32)).toEqual(keccak256(b));
      arena.hashOne(sourceB, blocks, targetA);
      expect(bytesAt(arena, targetA, 32)).toEqual(keccak256(b));
    }),
    runs(300),
  );
});

test('padding reaches the end of the last block and no further', () => {
  stage(sourceA, new Uint8Array(RATE - 1).fill(7));
  expect(memory[sourceA + RATE - 1]).toBe(0x81);
  expect(memory[sourceA + RATE]).toBe(0xee);
  stage(sourceA, new Uint8Array(RATE).fill(7));
  expect(memory[sourceA + RATE]).toBe(0x01);
  expect(memory[sourceA + 2 * RATE - 1]).toBe(0x80);
  expect(memory[sourceA + 2 * RATE]).toBe(0xee);
});
