import { expect, onTestFinished, test } from 'vitest';
import type { BlockChanges, BlockEnd, OldRows } from '../../../../src/protocol/ports/history.ts';
import { openLevel } from '../../../../src/store/level-database.ts';
import { HistoryReader } from '../../../../src/store/state-history/history-reader.ts';
import { HistoryWriter } from '../../../../src/store/state-history/history-writer.ts';
import { concatBytes, fromText, toKey } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';

const NOTHING: OldRows = { rows: new Uint32Array(0), ends: new Uint32Array(0), values: new Uint8Array(0), firstNew: 0 };

const end = (blockNumber: number): BlockEnd => ({
  blockNumber,
  lastNumber: blockNumber * 10,
  lastDigest: keccak256(fromText(`block ${blockNumber}`)),
});

/** Rows with what they were before. */
function slots(old: Readonly<Record<number, string>>, firstNew = 0xffffffff): BlockChanges {
  const values = Object.values(old).map(fromText);
  let length = 0;
  const ends = Uint32Array.from(values, (value) => {
    length += value.length;
    return length;
  });
  const rows = Uint32Array.from(Object.keys(old), Number);
  return { accounts: NOTHING, slots: { rows, ends, values: concatBytes(...values), firstNew } };
}

async function open(directory: string, keepBlocks?: number) {
  const writer = await HistoryWriter.open({ directory, ...(keepBlocks === undefined ? {} : { keepBlocks }) });
  const reader = await HistoryReader.open(directory);
  const close = async (): Promise<void> => {
    await reader.close();
    await writer.close();
  };
  onTestFinished(close);
  const find = (row: number, block: number): string | undefined => {
    const found = reader.find('slot', row, block);
    return found && Buffer.from(found).toString();
  };
  return { writer, reader, find, close };
}

async function rowsOf(directory: string): Promise<string[]> {
  const level = await openLevel(directory);
  const rows = await level.keys().all();
  await level.close();
  return rows.map(toKey);
}

test('the value at the end of a block is that from before the first later change', async () => {
  const { writer, find } = await open(tempDirectory());
  await writer.begin(end(4));
  await writer.append(end(5), slots({ 1: 'a', 7: '' }));
  await writer.append(end(6), slots({ 7: 'x' }));
  await writer.append(end(7), slots({}));
  expect(await writer.append(end(8), slots({ 1: 'b', 70000: 'far' }))).toBe(4);
  expect([4, 5, 6, 7, 8].map((block) => find(1, block))).toEqual(['a', 'b', 'b', 'b', undefined]);
  expect([4, 5, 6].map((block) => find(7, block))).toEqual(['', 'x', undefined]);
  expect([4, 8].map((block) => find(70_000, block))).toEqual(['far', undefined]);
  expect(find(2, 4)).toBeUndefined();
  expect(() => find(1, 3)).toThrow('historical state is not available');
});

test('a row that changes in every block is found by a few reads', async () => {
  const { writer, find } = await open(tempDirectory());
  await writer.begin(end(0));
  for (let block = 1; block <= 100; block++) await writer.append(end(block), slots({ 3: `${block}`, [block + 10]: 'x' }));
  for (let block = 0; block < 100; block++) expect(find(3, block)).toBe(`${block + 1}`);
  expect(find(3, 100)).toBeUndefined();
});

test('what a window leaves behind is nothing but itself', async () => {
  const directory = tempDirectory();
  const { writer, find, close } = await open(directory, 2);
  await writer.begin(end(0));
  await writer.append(end(1), slots({ 1: 'a', 2: 'only here' }));
  await writer.append(end(2), slots({ 1: 'b' }));
  expect(await writer.append(end(3), slots({ 1: 'c' }))).toBe(1);
  expect([1, 2, 3].map((block) => find(1, block))).toEqual(['b', 'c', undefined]);
  await writer.append(end(4), slots({}));
  await writer.append(end(5), slots({}));
  expect(find(1, 3)).toBeUndefined();
  await writer.append(end(6), slots({ 1: 'd' }));
  expect(find(1, 5)).toBe('d');
  await close();
  // How far it reaches, head and change of row 1, and the blocks 4 to 6.
  expect(await rowsOf(directory)).toEqual([
    '00',
    '0200000001',
    '040000000100000000',
    '05000000000004',
    '05000000000005',
    '05000000000006',
  ]);
});

test('blocks are taken away as if they had never been, also below the begin', async () => {
  const directory = tempDirectory();
  const { writer, reader, find, close } = await open(directory);
  await writer.begin(end(3));
  await writer.append(end(4), slots({ 1: 'a' }));
  await writer.append(end(5), slots({ 1: 'b', 2: 'new' }, 2));
  expect(await writer.removeAbove(end(4))).toBe(3);
  expect(reader.reach()).toEqual({ oldest: 3, newest: 4 });
  expect(find(2, 3)).toBeUndefined();
  await writer.append(end(5), slots({ 1: 'c' }));
  expect([3, 4, 5].map((block) => find(1, block))).toEqual(['a', 'c', undefined]);
  expect(await writer.removeAbove(end(2))).toBe(2);
  expect(reader.reach()).toEqual({ oldest: 2, newest: 2 });
  expect(reader.blockEnd(2)).toEqual(end(2));
  expect(reader.blockEnd(5)).toBeUndefined();
  await close();
  expect(await rowsOf(directory)).toEqual(['00', '05000000000002']);
});

test('it goes on after it was closed, and one of a newer format is left alone', async () => {
  const directory = tempDirectory();
  const first = await open(directory);
  await first.writer.begin(end(0));
  await first.writer.append(end(1), slots({ 1: 'a' }));
  await first.close();
  const second = await open(directory);
  expect(second.writer.reach).toEqual({ oldest: 0, newest: 1 });
  await second.writer.append(end(2), slots({ 1: 'b' }));
  expect([0, 1].map((block) => second.find(1, block))).toEqual(['a', 'b']);
  await second.close();
  const level = await openLevel(directory);
  await level.put(Uint8Array.of(0), Uint8Array.of(2, ...new Uint8Array(12)));
  await level.close();
  await expect(HistoryWriter.open({ directory })).rejects.toMatchObject({ code: 'VERSION_NOT_SUPPORTED' });
});
