import { expect, onTestFinished, test } from 'vitest';
import { ERA_BLOCKS, LogIndexDatabase, putPosting } from '../../../../src/store/log-index/log-index-database.ts';
import { type LogKey, logKey } from '../../../../src/store/log-index/log-key.ts';
import { PostingCursor } from '../../../../src/store/log-index/posting-cursor.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';
import { testTopic } from '../../../support/test-accounts.ts';

const KEY = logKey(1, testTopic(1));
const NEIGHBOUR = logKey(2, testTopic(1));

async function databaseWith(rows: readonly (readonly [LogKey, number])[]): Promise<LogIndexDatabase> {
  const database = await LogIndexDatabase.open(tempDirectory());
  onTestFinished(() => database.close());
  const batch = database.batch();
  for (const [key, blockNumber] of rows) putPosting(batch, key, { blockNumber, miniBlocks: [blockNumber % 7, 99] });
  await batch.write();
  return database;
}

async function blocksOf(cursor: PostingCursor, from: number): Promise<number[]> {
  const blocks: number[] = [];
  for (let at = from; ; ) {
    const posting = await cursor.seek(at);
    if (posting === undefined) return blocks;
    expect(posting.miniBlocks).toEqual([posting.blockNumber % 7, 99]);
    blocks.push(posting.blockNumber);
    at = posting.blockNumber + 1;
  }
}

test('postings are read in block order across eras, within the range, without those of other keys', async () => {
  const end = ERA_BLOCKS - 1;
  const blocks = [1, 5, end - 1, end, ERA_BLOCKS, ERA_BLOCKS + 1, 3 * ERA_BLOCKS + 8];
  const database = await databaseWith([
    ...blocks.map((block) => [KEY, block] as const),
    [NEIGHBOUR, 6],
    [NEIGHBOUR, ERA_BLOCKS + 2],
  ]);
  const read = (from: number, to: number) => blocksOf(new PostingCursor(database, KEY, { from, to }), from);
  expect(await read(0, 4 * ERA_BLOCKS)).toEqual(blocks);
  expect(await read(5, ERA_BLOCKS)).toEqual([5, end - 1, end, ERA_BLOCKS]);
  expect(await read(ERA_BLOCKS + 2, 3 * ERA_BLOCKS + 7)).toEqual([]);
});

test('as many rows as are read at once, up to the last of an era, are followed by the next era', async () => {
  const blocks = Array.from({ length: 64 }, (_, i) => ERA_BLOCKS - 64 + i);
  const database = await databaseWith([...blocks, ERA_BLOCKS, ERA_BLOCKS + 3].map((block) => [KEY, block] as const));
  const cursor = new PostingCursor(database, KEY, { from: 0, to: 2 * ERA_BLOCKS });
  expect(await blocksOf(cursor, 0)).toEqual([...blocks, ERA_BLOCKS, ERA_BLOCKS + 3]);
});

test('a search that jumps finds the first row at or behind where it lands', async () => {
  const blocks = Array.from({ length: 300 }, (_, i) => 2 * i);
  const database = await databaseWith(blocks.map((block) => [KEY, block] as const));
  const cursor = new PostingCursor(database, KEY, { from: 0, to: ERA_BLOCKS });
  for (const [target, found] of [
    [0, 0],
    [3, 4],
    [131, 132],
    [132, 132],
    [501, 502],
    [598, 598],
  ] as const) {
    expect((await cursor.seek(target))?.blockNumber).toBe(found);
  }
  expect(await cursor.seek(599)).toBeUndefined();
  expect(await cursor.seek(599)).toBeUndefined();
});

test('dropping eras leaves the newer ones', async () => {
  const database = await databaseWith([5, ERA_BLOCKS + 5, 2 * ERA_BLOCKS + 5].map((block) => [KEY, block] as const));
  await database.dropErasBelow(2);
  const cursor = new PostingCursor(database, KEY, { from: 0, to: 3 * ERA_BLOCKS });
  expect(await blocksOf(cursor, 0)).toEqual([2 * ERA_BLOCKS + 5]);
});
