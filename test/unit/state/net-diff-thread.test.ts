import { afterEach, expect, test } from 'vitest';
import { createStateDiff } from '../../../src/protocol/state-diff.ts';
import { NetDiffThread } from '../../../src/state/net-diff-thread.ts';
import { PAGE_BYTES } from '../../../src/state/table/layout.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { netDiffOf } from '../../support/net-diffs.ts';
import { addressOf, slotsDiff, word } from './table/table-diffs.ts';

const MINI_BLOCKS = 60;
const SLOTS = 300;
/** The owner goes on this far at most: the thread passes over every newer version of a value, and may start late. */
const MAX_APPLIED = 1_000;

let thread: NetDiffThread | undefined;
afterEach(() => thread?.stop());

/** Changes hot keys, adds new ones, and takes an account away again. */
function apply(table: StateTable, number: number): void {
  const hot = Array.from({ length: SLOTS }, (_, i) => ({ key: word(i), value: word((number * i) % 7) }));
  const fresh = [{ key: word(number * 1_000), value: word(number) }];
  const gone = addressOf(number + 99);
  table.apply(
    createStateDiff(
      [
        { address: addressOf(1), nonce: BigInt(number), slots: hot },
        { address: addressOf(number + 100), nonce: 1n, balance: BigInt(number), slots: fresh },
        ...(number % 3 === 0 && number > 1 ? [{ address: gone, deleted: true as const }] : []),
      ],
      [],
    ),
    number,
  );
}

function filledTable(options?: { readonly journalBytes: number }): StateTable {
  const table = new StateTable(options);
  for (let number = 1; number <= MINI_BLOCKS; number++) apply(table, number);
  return table;
}

test('what is composed in the thread while the owner goes on is what the owner composes', async () => {
  const table = filledTable();
  thread = new NetDiffThread(table);
  const expected = [20, 40].map((from) => table.netDiff(from, from + 20));
  const composing = [20, 40].map((from) => thread?.compose(from, from + 20));
  let isDone = false;
  const composed = Promise.all(composing).finally(() => {
    isDone = true;
  });
  for (let number = MINI_BLOCKS + 1; !isDone && number < MAX_APPLIED; number++) {
    apply(table, number);
    table.release(number);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await composed).map((diff) => diff?.bytes)).toEqual(expected);
  expect((await composed).map((diff) => diff?.digest)).toEqual(expected.map((bytes) => keccak256(bytes as Uint8Array)));
  // Nothing holds the old values any more.
  apply(table, MAX_APPLIED);
  table.release(MAX_APPLIED);
  expect(table.floor).toBe(MAX_APPLIED);
});

test('an empty range has no changes', async () => {
  const table = filledTable();
  thread = new NetDiffThread(table);
  const { bytes } = await thread.compose(MINI_BLOCKS, MINI_BLOCKS);
  expect(bytes).toEqual(table.netDiff(MINI_BLOCKS, MINI_BLOCKS));
  expect(netDiffOf(table, MINI_BLOCKS, MINI_BLOCKS)).toEqual({ accounts: [], codes: [] });
});

test('a range that is undone before the thread comes to it is refused, also when its numbers are there again', async () => {
  const table = filledTable();
  thread = new NetDiffThread(table);
  const composing = thread.compose(20, MINI_BLOCKS);
  table.rollback(30);
  for (let number = 31; number <= MINI_BLOCKS; number++) table.apply(slotsDiff(1, number, SLOTS, [number]), number);
  await expect(composing).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
});

test('a range whose old values no longer fit is refused', async () => {
  const table = filledTable({ journalBytes: 4 * PAGE_BYTES });
  thread = new NetDiffThread(table);
  await expect(thread.compose(0, MINI_BLOCKS)).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
  const from = table.floor;
  const composing = thread.compose(from, MINI_BLOCKS);
  for (let number = MINI_BLOCKS + 1; table.floor <= from; number++) apply(table, number);
  await expect(composing).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
});
