import { describe, expect, test } from 'vitest';
import type { StateView } from '../../../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../../../src/protocol/primitives.ts';
import { createStateDiff } from '../../../../src/protocol/state-diff.ts';
import { CodeCache } from '../../../../src/state/table/code-cache.ts';
import { ACCOUNT_LAYOUT, CONTROL_FLOOR_SERIAL, CONTROL_HEAD_SERIAL, PAGE_BYTES } from '../../../../src/state/table/layout.ts';
import { StateTable } from '../../../../src/state/table/state-table.ts';
import { TableCore } from '../../../../src/state/table/table-core.ts';
import { TableReader } from '../../../../src/state/table/table-reader.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { defined } from '../../../support/defined.ts';
import { MapState } from '../../../support/map-state.ts';
import { listAccounts, listRows, listState } from '../../../support/state-listing.ts';
import { addressOf, slotsDiff, word } from './table-diffs.ts';

const FORGOTTEN = expect.objectContaining({ code: 'STATE_FORGOTTEN' });
const OUTRUN = expect.objectContaining({ code: 'SNAPSHOT_OUTRUN' });
/** Old values of some 2,700 slots. */
const SMALL_JOURNAL = { journalBytes: 2 * PAGE_BYTES };
const SLOTS = 300;

/** A table with an account of 300 slots, whose values are the number of the newest mini-block. */
function busyTable(upTo: number, options: { journalBytes?: number } = {}): StateTable {
  const table = new StateTable(options);
  for (let number = 0; number <= upTo; number++) advance(table);
  return table;
}

function advance(table: StateTable): void {
  const number = table.number + 1;
  table.apply(slotsDiff(0, number + 1, 0, Array(SLOTS).fill(number + 1)), number);
}

function expectValues(view: StateView, number: number): void {
  const values = new Set([...view.storageOf(addressOf(0))].map((slot) => Number(slot.value[31])));
  expect([...values]).toEqual([number + 1]);
  expect(view.getAccount(addressOf(0))?.nonce).toBe(BigInt(number + 1));
}

describe('the bound of the old values', () => {
  test('the oldest mini-blocks are released when it is reached, the newest stay', () => {
    const table = busyTable(40, SMALL_JOURNAL);
    expect(table.floor).toBeGreaterThan(30);
    expect(table.floor).toBeLessThan(38);
    for (let number = table.floor; number <= 40; number++) expectValues(defined(table.at(number)), number);
    table.rollback(table.floor);
    expectValues(table, table.floor);
  });

  test('memory stays the same however much is applied', () => {
    const table = busyTable(20, { journalBytes: 4 * PAGE_BYTES });
    const before = table.memoryBytes;
    for (let i = 0; i < 100; i++) advance(table);
    expect(table.memoryBytes).toBe(before);
  });

  test('a mini-block that is larger than all of it cannot be undone, the next one can', () => {
    const table = new StateTable(SMALL_JOURNAL);
    table.apply(slotsDiff(0, 1, 0, Array(3_000).fill(1)), 0);
    expect(table.floor).toBe(-1);
    table.apply(slotsDiff(0, 2, 0, Array(3_000).fill(2)), 1);
    expect([table.floor, table.number]).toEqual([1, 1]);
    table.apply(slotsDiff(0, 3, 0, [3]), 2);
    expect(table.floor).toBe(1);
    expectValues(defined(table.at(1)), 1);
    table.rollback(1);
    expectValues(table, 1);
  });

  test('a rollback gives back the room of what it undoes', () => {
    const table = busyTable(3, { journalBytes: 8 * PAGE_BYTES });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) advance(table);
      table.rollback(3);
      expectValues(table, 3);
      expect(table.floor).toBe(-1);
    }
  });
});

describe('what is read over a longer time', () => {
  test('a view says so when its old values are gone', () => {
    const table = busyTable(5);
    const view = defined(table.at(2));
    const listing = view.storageOf(addressOf(0))[Symbol.iterator]();
    expect(listing.next().done).toBe(false);
    table.release(2);
    expectValues(view, 2);
    table.release(3);
    expect(() => view.getAccount(addressOf(0))).toThrow(FORGOTTEN);
    expect(() => view.getStorage(addressOf(0), word(0))).toThrow(FORGOTTEN);
    expect(() => listing.next()).toThrow(FORGOTTEN);
  });

  test('a view of what was undone says so, one from before goes on', () => {
    const table = busyTable(5);
    const [undone, kept] = [defined(table.at(4)), defined(table.at(2))];
    table.rollback(3);
    expect(() => undone.getAccount(addressOf(0))).toThrow(FORGOTTEN);
    advance(table);
    advance(table);
    expect(() => undone.getAccount(addressOf(0))).toThrow(FORGOTTEN);
    expectValues(kept, 2);
  });

  test('a retained number keeps its old values until it is let go', () => {
    const table = busyTable(5);
    const [first, second] = [table.retain(2), table.retain(4)];
    table.release(5);
    expect(table.floor).toBe(2);
    first();
    expect(table.floor).toBe(4);
    first();
    second();
    expect(table.floor).toBe(5);
    expect(() => table.retain(4)).toThrow(FORGOTTEN);
  });

  test('as much is retained as a replica with a state trie and a history has under way, and a snapshot', () => {
    const table = busyTable(5);
    // Two blocks that are compared with their seals, one for the trie, one for the history.
    const ranges = [0, 1, 2, 3].map((from) => table.retainRange(from, from + 1));
    const snapshot = table.retain(5);
    table.release(5);
    expect(table.floor).toBe(0);
    for (const { release } of ranges) release();
    expect(table.floor).toBe(5);
    snapshot();
  });

  test('the bound of the old values goes before what is retained', () => {
    const table = busyTable(5, SMALL_JOURNAL);
    const release = table.retain(5);
    const chunks = defined(table.snapshot(5)).chunks(1_000)[Symbol.iterator]();
    chunks.next();
    for (let i = 0; i < 30; i++) advance(table);
    expect(table.floor).toBeGreaterThan(5);
    expect(() => chunks.next()).toThrow(OUTRUN);
    release();
  });

  test('a snapshot of what is undone meanwhile says so', () => {
    const table = busyTable(5);
    const chunks = defined(table.snapshot(5)).chunks(1_000)[Symbol.iterator]();
    chunks.next();
    table.rollback(4);
    expect(() => chunks.next()).toThrow(OUTRUN);
  });

  test('a snapshot is that of its number whatever is applied between its chunks', () => {
    const [table, still] = [busyTable(5), busyTable(5)];
    const chunks = [];
    for (const chunk of defined(table.snapshot(5)).chunks(200)) {
      chunks.push(chunk);
      advance(table);
    }
    expect(chunks).toEqual([...defined(still.snapshot(5)).chunks(200)]);
  });
});

describe('serials', () => {
  const memoryOf = (table: StateTable) => new Int32Array(table.share().memory.buffer);

  test('wrap without a trace', () => {
    const [table, maps] = [new StateTable(), new MapState()];
    memoryOf(table)[CONTROL_HEAD_SERIAL] = -4;
    memoryOf(table)[CONTROL_FLOOR_SERIAL] = -4;
    for (let number = 0; number < 10; number++) {
      const diff = slotsDiff(number % 2, number + 1, 0, [number + 1, (number % 3) + 20 * number + 1]);
      for (const state of [table, maps]) state.apply(diff, number);
    }
    expect(memoryOf(table)[CONTROL_HEAD_SERIAL]).toBeGreaterThan(0);
    for (let number = -1; number < 10; number++) {
      const accounts = [addressOf(0), addressOf(1)];
      expect(listAccounts(defined(table.at(number)), accounts)).toEqual(listAccounts(defined(maps.at(number)), accounts));
      expect(table.netDiff(number, 9)).toEqual(maps.netDiff(number, 9));
    }
    table.rollback(1);
    maps.rollback(1);
    expect(listState(table)).toEqual(listState(maps));
  });

  test('of versions that were given up do not become young again', () => {
    const table = busyTable(3);
    table.release(3);
    const serial = defined(memoryOf(table)[CONTROL_HEAD_SERIAL]);
    for (let number = 4; number < 40; number++) table.apply({ accounts: [], codes: [] }, number);
    table.release(39);
    // As if four thousand million mini-blocks had come and gone since.
    memoryOf(table)[CONTROL_HEAD_SERIAL] = serial + 1;
    memoryOf(table)[CONTROL_FLOOR_SERIAL] = serial - 3;
    table.apply(slotsDiff(0, 50, 0, [77]), 50);
    expectValues(defined(table.at(49)), 3);
  });
});

describe('memory', () => {
  test('when it is full the mini-block is refused whole, and smaller ones go on', () => {
    const table = new StateTable({ maxBytes: 40 * PAGE_BYTES, journalBytes: 2 * PAGE_BYTES });
    table.apply(slotsDiff(0, 1, 0, [1, 2, 3]), 0);
    const before = [listState(table), listRows(table.rows), table.mark(), table.number];
    const large = slotsDiff(1, 1, 0, Array(20_000).fill(1));
    expect(() => table.apply(large, 1)).toThrow(expect.objectContaining({ code: 'STATE_MEMORY_EXHAUSTED' }));
    expect([listState(table), listRows(table.rows), table.mark(), table.number]).toEqual(before);
    table.apply(slotsDiff(1, 1, 0, [1, 2, 3]), 1);
    expect(table.getStorage(addressOf(1), word(2))).toEqual(word(3));
  });

  test('a mini-block that was refused is refused again as long as there is no room for all of its rows', () => {
    // Room for the last segment of its rows and for their index, but not for the segment in between.
    const table = new StateTable({ maxBytes: 44 * PAGE_BYTES, journalBytes: 2 * PAGE_BYTES });
    table.apply(slotsDiff(0, 1, 0, [1, 2, 3]), 0);
    const before = [listState(table), listRows(table.rows), table.mark(), table.number];
    const large = slotsDiff(1, 1, 0, Array(20_000).fill(1));
    for (let i = 0; i < 2; i++) {
      expect(() => table.apply(large, 1)).toThrow(expect.objectContaining({ code: 'STATE_MEMORY_EXHAUSTED' }));
      expect([listState(table), listRows(table.rows), table.mark(), table.number]).toEqual(before);
    }
  });

  test('a journal that cannot grow does with the pages it has', () => {
    const table = new StateTable({ maxBytes: 40 * PAGE_BYTES });
    for (let number = 0; number < 100; number++) advance(table);
    expectValues(table, 99);
    expect(table.floor).toBeGreaterThan(0);
    expectValues(defined(table.at(table.floor)), table.floor);
  });

  test('a table that was emptied by a rollback is filled again', () => {
    const table = new StateTable();
    for (let round = 0; round < 3; round++) {
      table.apply(slotsDiff(0, 1, 0, Array(20_000).fill(1)), 0);
      expect(table.rows.slotCount).toBe(20_000);
      table.rollback(-1);
      expect([table.mark().slots, table.rows.accountRow(addressOf(0))]).toEqual([0, -1]);
    }
  });

  test('segments of rows are passed in both directions', () => {
    const table = new StateTable();
    const accounts = Array.from({ length: 20_000 }, (_, i) => ({ address: addressOf(i), nonce: BigInt(i + 1) }));
    table.apply({ accounts: accounts.slice(0, 5_000), codes: [] }, 0);
    table.apply({ accounts: accounts.slice(5_000), codes: [] }, 1);
    expect(table.getAccount(addressOf(19_999))?.nonce).toBe(20_000n);
    expect(new Int32Array(table.share().memory.buffer)[ACCOUNT_LAYOUT.count]).toBe(20_000);
    table.rollback(0);
    expect(table.getAccount(addressOf(5_000))).toBeUndefined();
    table.apply({ accounts: accounts.slice(5_000), codes: [] }, 1);
    for (let i = 0; i < 20_000; i += 1_111) expect(table.getAccount(addressOf(i))?.nonce).toBe(BigInt(i + 1));
  });
});

describe('codes', () => {
  const codeOf = (number: number) => new Uint8Array(24_576).fill(number);
  const deploy = (number: number) =>
    createStateDiff([{ address: addressOf(number), nonce: 1n, codeHash: keccak256(codeOf(number)) }], [codeOf(number)]);

  test('of every length survive segments and rollbacks', () => {
    const table = new StateTable();
    for (let number = 0; number < 50; number++) table.apply(deploy(number), number);
    table.rollback(4);
    for (let number = 5; number < 50; number++) {
      expect(table.getCode(keccak256(codeOf(number)))).toBeUndefined();
      table.apply(deploy(number), number);
    }
    for (let number = 0; number < 50; number++) expect(table.getCode(keccak256(codeOf(number)))).toEqual(codeOf(number));
  });

  test('a rollback gives back their room', () => {
    const table = new StateTable();
    table.apply(deploy(0), 0);
    const before = table.memoryBytes;
    for (let round = 0; round < 40; round++) {
      table.apply(deploy(1), 1);
      table.rollback(0);
    }
    expect(table.memoryBytes).toBe(before);
  });

  test('one that is larger than a segment is kept too', () => {
    const [huge, small] = [new Uint8Array(700_001).fill(3), Uint8Array.of(1)];
    const table = new StateTable();
    table.apply(createStateDiff([], [huge, small]), 0);
    expect(table.getCode(keccak256(huge))).toEqual(huge);
    expect(table.getCode(keccak256(small))).toEqual(small);
    expect(table.getCode(EMPTY_CODE_HASH)).toBeUndefined();
  });

  test('those that were read stay in memory as long as they are in use, and others make room', () => {
    const table = new StateTable();
    const codes = Array.from({ length: 40 }, (_, i) => new Uint8Array(1_000).fill(i + 1));
    const hashes = codes.map((code) => keccak256(code));
    const accounts = hashes.map((codeHash, i) => ({ address: addressOf(i), nonce: 1n, codeHash }));
    table.apply(createStateDiff(accounts, codes), 0);
    const readers = [new CodeCache(new TableCore(table.share().memory).codes, 10_000), TableReader.attach(table.share(), 10_000)];
    for (const reader of readers) {
      const read = (i: number) => reader.getCode(hashes[i] as Uint8Array);
      const first = [read(0), read(1)];
      for (let i = 2; i < codes.length; i++) {
        expect(read(i)).toEqual(codes[i]);
        expect(read(1)).toBe(first[1]);
      }
      expect([read(0), read(1)]).toEqual(first);
      expect(read(0)).not.toBe(first[0]);
    }
  });

  test('an array that was read is not of the shared memory, and not another code after a rollback', () => {
    const table = new StateTable();
    table.apply(deploy(0), 0);
    table.apply(deploy(1), 1);
    const code = defined(table.getCode(keccak256(codeOf(1))));
    expect(code.buffer).toBeInstanceOf(ArrayBuffer);
    expect(table.getAccount(addressOf(1))?.codeHash).toEqual(keccak256(codeOf(1)));
    table.rollback(0);
    table.apply(deploy(2), 1);
    expect(table.getAccount(addressOf(2))?.codeHash).toEqual(keccak256(codeOf(2)));
    expect(table.getCode(keccak256(codeOf(2)))).toEqual(codeOf(2));
    expect(code).toEqual(codeOf(1));
  });
});
