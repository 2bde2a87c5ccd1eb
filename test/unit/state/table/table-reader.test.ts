import { once } from 'node:events';
import { expect, test } from 'vitest';
import { type AccountDiff, createStateDiff, type StateDiff } from '../../../../src/protocol/state-diff.ts';
import { PAGE_BYTES } from '../../../../src/state/table/layout.ts';
import { StateTable } from '../../../../src/state/table/state-table.ts';
import { TableReader } from '../../../../src/state/table/table-reader.ts';
import { toKey } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { startWorker } from '../../../../src/util/start-worker.ts';
import { defined } from '../../../support/defined.ts';
import type { ReaderResult, ReaderTask } from './reader-worker.ts';
import { addressOf, slotsDiff, word } from './table-diffs.ts';

const READS = 600;
/** So that the test ends when the reader does not get on. */
const MAX_MINI_BLOCKS = 200_000;
const SLOTS = 200;
const codeOf = (number: number) => new Uint8Array(50 + (number % 900)).fill(number);

/** Gives everything the mini-block's number, account 0 a new code, and the table new keys every now and then. */
function miniBlock(number: number): StateDiff {
  const slots = Array.from({ length: SLOTS }, (_, i) => ({ key: word(i), value: word(number) }));
  const codes = number <= 300 ? [codeOf(number)] : [];
  const accounts: AccountDiff[] = [
    { address: addressOf(0), nonce: BigInt(number), ...(codes[0] && { codeHash: keccak256(codes[0]) }) },
    { address: addressOf(1), nonce: BigInt(number), slots },
  ];
  if (number % 16 === 0 && number < 3_000) {
    const fresh = Array.from({ length: 100 }, (_, i) => ({ key: word(number * 1_000 + i), value: word(number) }));
    accounts.push({ address: addressOf(number + 2), nonce: 1n, slots: fresh });
  }
  return createStateDiff(accounts, codes);
}

test('a reader in another thread sees whole mini-blocks while the owner applies and undoes them', async () => {
  const table = new StateTable({ journalBytes: 64 * PAGE_BYTES });
  for (let number = 1; number <= 20; number++) table.apply(miniBlock(number), number);
  const expected = [...defined(table.snapshot(20)).chunks(500)].map((chunk) => toKey(keccak256(chunk)));
  const release = table.retain(20);
  const worker = startWorker(new URL('./reader-worker.ts', import.meta.url));
  try {
    const progress = new Int32Array(new SharedArrayBuffer(8));
    worker.postMessage({ handle: table.share(), progress, retained: 20 } satisfies ReaderTask);
    const answer = once(worker, 'message') as Promise<[ReaderResult]>;
    await applyUntilEnough(table, progress, answer);
    const [result] = await answer;
    expect(result).toEqual({ chunks: expected, reads: expect.any(Number) });
  } finally {
    release();
    await worker.terminate();
  }
});

/** Applies at full speed, undoing now and then, but lets the reader's first steps pass while the snapshot is kept. */
async function applyUntilEnough(table: StateTable, progress: Int32Array, answer: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  void answer.finally(() => {
    isAnswered = true;
  });
  for (let applied = 0; applied < MAX_MINI_BLOCKS && Atomics.load(progress, 0) < READS && !isAnswered; applied++) {
    const number = table.number + 1;
    table.apply(miniBlock(number), number);
    if (number % 50 === 0) table.rollback(Math.max(table.floor, 20, number - 3));
    table.release(number - 5);
    // The snapshot needs old values of what the journal has room for: the owner rests when it is nearly full.
    const isPacking = Atomics.load(progress, 0) < 60;
    if (applied % 8 === 0 || (isPacking && number > 200)) await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(progress, 1, 1);
}

test('a snapshot of a number that is not retained there is none of', () => {
  const table = new StateTable();
  table.apply(slotsDiff(0, 1, 0, [1]), 0);
  const reader = TableReader.attach(table.share());
  expect(reader.snapshot(0)).toBeUndefined();
  const release = table.retain(0);
  expect(reader.snapshot(0)?.mark).toEqual(table.mark());
  release();
  expect(reader.snapshot(0)).toBeUndefined();
});

test('a snapshot goes on when somebody else lets the same number go', () => {
  const table = new StateTable();
  for (const number of [0, 1]) table.apply(slotsDiff(0, number + 1, 0, Array(200).fill(number + 1)), number);
  const expected = [...defined(table.snapshot(1)).chunks(500)];
  const { release: storeHistory } = table.retainRange(0, 1);
  const release = table.retain(1);
  const packed = [];
  for (const chunk of defined(TableReader.attach(table.share()).snapshot(1)).chunks(500)) {
    if (packed.push(chunk) > 1) continue;
    storeHistory();
    table.apply(slotsDiff(0, 3, 0, Array(200).fill(3)), 2);
    table.release(2);
  }
  expect(packed).toEqual(expected);
  release();
});

test.each([
  { what: 'undone', go: (table: StateTable) => table.rollback(0) },
  {
    what: 'outrun by the bound of the old values',
    go: (table: StateTable) => {
      for (let number = 2; number < 30; number++) table.apply(slotsDiff(0, number, 0, Array(200).fill(number)), number);
    },
  },
])('a reader learns that what it packs was $what', ({ go }) => {
  const table = new StateTable({ journalBytes: PAGE_BYTES });
  for (const number of [0, 1]) table.apply(slotsDiff(0, number + 1, 0, Array(200).fill(number + 1)), number);
  const release = table.retain(1);
  const chunks = defined(TableReader.attach(table.share()).snapshot(1)).chunks(500)[Symbol.iterator]();
  chunks.next();
  go(table);
  expect(() => chunks.next()).toThrow(expect.objectContaining({ code: 'SNAPSHOT_OUTRUN' }));
  release();
});

test('a reader follows when the memory grows', () => {
  const table = new StateTable();
  table.apply(slotsDiff(0, 1, 0, [1]), 0);
  const reader = TableReader.attach(table.share());
  expect(reader.getStorage(addressOf(0), word(40_000))).toEqual(word(0));
  const { byteLength } = table.share().memory.buffer;
  table.apply(slotsDiff(0, 2, 1, Array(40_000).fill(7)), 1);
  expect(table.share().memory.buffer.byteLength).toBeGreaterThan(byteLength);
  for (const key of [1, 20_000, 40_000]) expect(reader.getStorage(addressOf(0), word(key))).toEqual(word(7));
});

test('what is read is of no shared memory, and a code the same array each time', () => {
  const table = new StateTable();
  table.apply(miniBlock(1), 1);
  const reader = TableReader.attach(table.share());
  const hash = defined(reader.getAccount(addressOf(0))).codeHash;
  expect(hash.buffer).toBeInstanceOf(ArrayBuffer);
  expect(reader.getStorage(addressOf(1), word(1)).buffer).toBeInstanceOf(ArrayBuffer);
  expect(reader.getCode(hash)).toEqual(codeOf(1));
  expect(reader.getCode(hash)).toBe(reader.getCode(hash));
  table.rollback(0);
  expect([reader.getCode(hash), reader.getAccount(addressOf(0)), reader.number]).toEqual([undefined, undefined, 0]);
});
