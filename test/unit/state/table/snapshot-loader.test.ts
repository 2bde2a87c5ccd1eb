import { describe, expect, test } from 'vitest';
import type { StateSnapshot } from '../../../../src/protocol/ports/state-snapshot.ts';
import { createStateDiff } from '../../../../src/protocol/state-diff.ts';
import { StateTable } from '../../../../src/state/table/state-table.ts';
import { type Bytes, concatBytes } from '../../../../src/util/bytes.ts';
import { isStrobeError } from '../../../../src/util/errors.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { defined } from '../../../support/defined.ts';
import { addressOf, slotsDiff, word } from './table-diffs.ts';

const INVALID = expect.objectContaining({ code: 'INVALID_SNAPSHOT' });
const CODE = Uint8Array.of(0x60, 0x01);

function source(): StateTable {
  const table = new StateTable();
  const slots = [{ key: word(3), value: word(300) }];
  table.apply(createStateDiff([{ address: addressOf(7), nonce: 300n, codeHash: keccak256(CODE), slots }], [CODE]), 0);
  table.apply(slotsDiff(9, 1, 0, [0, 5, 6]), 1);
  table.apply({ accounts: [{ address: addressOf(9), deleted: true }], codes: [] }, 2);
  table.apply(slotsDiff(3, 1, 1, [1]), 3);
  return table;
}

/** Chunks by kind: accounts, runs, slots, codes. */
function packed(): { snapshot: StateSnapshot; chunks: Bytes[] } {
  const snapshot = defined(source().snapshot(3));
  return { snapshot, chunks: [...snapshot.chunks(10_000)] };
}

function load(chunks: readonly Bytes[], { number, mark }: StateSnapshot): StateTable {
  const table = new StateTable();
  const loader = table.loader();
  for (const chunk of chunks) loader.add(chunk);
  loader.finish(number, mark);
  return table;
}

test('tables with the same history pack the same bytes', () => {
  expect([...defined(source().snapshot(3)).chunks(60)]).toEqual([...defined(source().snapshot(3)).chunks(60)]);
  const { snapshot, chunks } = packed();
  expect([...defined(load(chunks, snapshot).snapshot(3)).chunks(10_000)]).toEqual(chunks);
  expect(chunks.map((chunk) => [...chunk.subarray(0, 2)])).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
    [1, 4],
  ]);
});

test('a snapshot is loaded into an empty table only', () => {
  expect(() => source().loader()).toThrow('empty table');
});

describe('hostile chunks', () => {
  test.each([0, 1, 2, 3])('a missing chunk of kind %i is refused', (index) => {
    const { snapshot, chunks } = packed();
    expect(() => load(chunks.toSpliced(index, 1), snapshot)).toThrow(INVALID);
  });

  test.each([0, 1, 2, 3])('a repeated chunk of kind %i is refused', (index) => {
    const { snapshot, chunks } = packed();
    expect(() => load(chunks.toSpliced(index, 0, defined(chunks[index])), snapshot)).toThrow(INVALID);
  });

  test('chunks in another order are refused', () => {
    const { snapshot, chunks } = packed();
    expect(() => load(chunks.toReversed(), snapshot)).toThrow(INVALID);
  });

  /** Head of an account chunk from row 0 on; and rows that follow it. */
  const accounts = (...rows: Bytes[]) => concatBytes(Uint8Array.of(1, 1, 0), ...rows);
  const account = (...bytes: number[]) => concatBytes(addressOf(1), Uint8Array.of(...bytes));
  const fine = account(128, 1, 5);
  const runs = Uint8Array.of(1, 2, 0, 1, 1);
  test.each([
    { what: 'an unknown format', chunks: [Uint8Array.of(2, 1, 0)] },
    { what: 'an unknown kind', chunks: [Uint8Array.of(1, 5, 0)] },
    { what: 'an account that is listed twice', chunks: [accounts(fine, fine)] },
    { what: 'an account that is cut off', chunks: [accounts(fine.subarray(0, 22))] },
    { what: 'an empty account', chunks: [accounts(account(128, 0))] },
    { what: 'an absent account with a balance', chunks: [accounts(account(1, 1, 5, 7))] },
    { what: 'a nonce with zeros', chunks: [accounts(account(128, 2, 5, 0))] },
    { what: 'a nonce of nine bytes', chunks: [accounts(account(128, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1))] },
    { what: 'a balance of 33 bytes', chunks: [accounts(account(128 + 33, 0, ...Array(33).fill(1)))] },
    { what: 'code number zero', chunks: [accounts(account(128 + 64, 1, 5, 0))] },
    { what: 'a run of accounts that are not there', chunks: [accounts(fine), Uint8Array.of(1, 2, 0, 2, 1)] },
    { what: 'two runs that are one', chunks: [accounts(fine), Uint8Array.of(1, 2, 0, 1, 1, 0, 1)] },
    { what: 'a slot without account', chunks: [accounts(fine), runs, Uint8Array.of(1, 3, 0, 1, 1, 5, 1, 5)] },
    { what: 'a slot beyond the runs', chunks: [accounts(fine), runs, Uint8Array.of(1, 3, 0, 0, 1, 5, 1, 5, 0, 1, 6, 1, 5)] },
    { what: 'a slot that is listed twice', chunks: [accounts(fine), runs, Uint8Array.of(1, 3, 0, 0, 1, 5, 1, 5, 0, 1, 5, 1, 5)] },
    { what: 'a key with zeros', chunks: [accounts(fine), runs, Uint8Array.of(1, 3, 0, 0, 2, 0, 5, 1, 5)] },
    { what: 'a key of 33 bytes', chunks: [accounts(fine), runs, Uint8Array.of(1, 3, 0, 0, 33, ...Array(33).fill(1), 1, 5)] },
    { what: 'a slot of an absent account', chunks: [accounts(account(0)), runs, Uint8Array.of(1, 3, 0, 0, 1, 5, 1, 5)] },
    { what: 'an empty code', chunks: [Uint8Array.of(1, 4, 1, 0)] },
    { what: 'a code that is cut off', chunks: [Uint8Array.of(1, 4, 1, 9, 1, 2)] },
    { what: 'a code that is listed twice', chunks: [Uint8Array.of(1, 4, 1, 1, 7, 1, 7)] },
    { what: 'a varint that never ends', chunks: [Uint8Array.of(1, 4, 255, 255, 255, 255, 255, 255)] },
    { what: 'a varint with zeros', chunks: [Uint8Array.of(1, 1, 0x80, 0)] },
  ])('$what is refused', ({ chunks }) => {
    const loader = new StateTable().loader();
    for (const chunk of chunks.slice(0, -1)) loader.add(chunk);
    expect(() => loader.add(defined(chunks.at(-1)))).toThrow(INVALID);
  });

  test('every changed bit is refused, or changes a value that the registry does not cover', () => {
    const { snapshot, chunks } = packed();
    const reference = [...defined(load(chunks, snapshot).snapshot(3)).chunks(10_000)].join();
    let refused = 0;
    chunks.forEach((chunk, index) => {
      for (let bit = 0; bit < chunk.length * 8; bit++) {
        const changed = new Uint8Array(chunk);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        try {
          const table = load(chunks.with(index, changed), snapshot);
          expect([...defined(table.snapshot(3)).chunks(10_000)].join()).not.toBe(reference);
          expect(table.mark()).toEqual(snapshot.mark);
        } catch (error) {
          if (!isStrobeError(error, 'INVALID_SNAPSHOT')) throw error;
          refused++;
        }
      }
    });
    expect(refused).toBeGreaterThan(500);
  });
});
