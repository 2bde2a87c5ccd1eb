import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { encodeBatch } from '../../../src/da/batch.ts';
import { BatchPoster } from '../../../src/da/batch-poster.ts';
import { DaFollower } from '../../../src/da/da-follower.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { recordsOf } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { CapturedLog, daNode, tempDa } from './da-kit.ts';

function builtChain(): ChainBuilder {
  const builder = new ChainBuilder();
  for (let i = 0; i < 4; i++) builder.block(1, 1);
  return builder;
}

/** All of whose blocks are safe, and posted in one batch. */
async function safeNodeWithBatch() {
  const builder = builtChain();
  const { store } = await daNode(builder);
  await store.markSafe(4);
  const { da, directory } = await tempDa();
  await da.post(1, 4, encodeBatch(recordsOf(builder.blocks).map(({ bytes }) => bytes)));
  return { store, da, directory };
}

test('a replica marks its safe blocks final once their batch is posted', async () => {
  const builder = builtChain();
  const [sequencer, replica] = [await daNode(builder), await daNode(builder)];
  const { da } = await tempDa();
  await sequencer.store.markSafe(4);
  const poster = new BatchPoster(
    { maxBlocksPerBatch: 2 },
    { da, log: sequencer.log, chain: sequencer.store, logger: new CapturedLog() },
  );
  const follower = new DaFollower({}, { da, chain: replica.store, logger: new CapturedLog() });
  await follower.catchUp();
  expect(replica.store.finalizedNumber()).toBeUndefined();
  await poster.postReady();
  await replica.store.markSafe(3);
  await follower.catchUp();
  expect(replica.store.finalizedNumber()).toBe(2);
  await replica.store.markSafe(4);
  await follower.catchUp();
  expect(replica.store.finalizedNumber()).toBe(4);
  expect(defined(await replica.store.blockStatus(3)).daCommitment).toEqual(defined((await da.list())[1]).commitment);
});

test('one whose chain begins with a snapshot passes over older batches, and is final from the next one on', async () => {
  const builder = builtChain();
  const { store } = await daNode(builder);
  await store.markSafe(4);
  const { da } = await tempDa();
  const batch = (first: number, last: number) =>
    encodeBatch(recordsOf(builder.blocks.slice(first - 1, last)).map(({ bytes }) => bytes));
  const logger = new CapturedLog();
  const follower = new DaFollower({ firstBlock: 3 }, { da, chain: store, logger });
  await da.post(1, 2, batch(1, 2));
  await follower.catchUp();
  expect(store.finalizedNumber()).toBeUndefined();
  await da.post(3, 4, batch(3, 4));
  await follower.catchUp();
  expect(store.finalizedNumber()).toBe(4);
  expect(defined(await store.blockStatus(2)).daCommitment).toBeUndefined();
  expect(logger.warnings).toEqual([]);
});

test('bad batches are reported once and a good one beside them still counts', async () => {
  const builder = builtChain();
  const { store } = await daNode(builder);
  await store.markSafe(4);
  const { da } = await tempDa();
  const foreign = new ChainBuilder({ name: 'other' });
  foreign.block();
  await da.post(1, 1, encodeBatch(recordsOf(foreign.blocks).map(({ bytes }) => bytes)));
  await da.post(1, 2, Uint8Array.of(1, 2, 3));
  const logger = new CapturedLog();
  const follower = new DaFollower({}, { da, chain: store, logger });
  await follower.catchUp();
  await follower.catchUp();
  expect(store.finalizedNumber()).toBeUndefined();
  expect(logger.warnings).toHaveLength(2);
  await da.post(1, 3, encodeBatch(recordsOf(builder.blocks.slice(0, 3)).map(({ bytes }) => bytes)));
  await follower.catchUp();
  expect(store.finalizedNumber()).toBe(3);
});

describe('a batch that ends with the right seal', () => {
  const builder = builtChain();
  const whole = recordsOf(builder.blocks).map(({ bytes }) => bytes);
  const seals = builder.blocks.map(({ record }) => record.bytes);
  test.each<[string, Uint8Array[]]>([
    ['has seals alone', seals],
    ['has the last seal alone', seals.slice(-1)],
    ['lacks the first mini-block', whole.slice(1)],
    ['lacks a mini-block', whole.filter((_, i) => i !== 2)],
    ['lacks a seal', whole.filter((_, i) => i !== 1)],
    ['lacks its first block', recordsOf(builder.blocks.slice(1)).map(({ bytes }) => bytes)],
    ['has a mini-block twice', [whole[0] as Uint8Array, ...whole]],
    ['has a changed payload', whole.map((bytes, i) => (i === 4 ? bytes.with(bytes.length - 1, 255) : bytes))],
    ['has a record of no kind', [Uint8Array.of(9, 9), ...whole]],
  ])('but %s makes nothing final', async (_, records) => {
    const { store } = await daNode(builder);
    await store.markSafe(4);
    const { da } = await tempDa();
    await da.post(1, 4, encodeBatch(records));
    const logger = new CapturedLog();
    const follower = new DaFollower({}, { da, chain: store, logger });
    await follower.catchUp();
    expect(store.finalizedNumber()).toBeUndefined();
    expect(logger.warnings).toEqual([expect.stringContaining('a posted batch is bad')]);
    await da.post(1, 4, encodeBatch(whole));
    await follower.catchUp();
    expect(store.finalizedNumber()).toBe(4);
  });
});

test('a batch that is copied half, or damaged until it is posted again, counts once it is whole', async () => {
  const { store, da, directory } = await safeNodeWithBatch();
  const path = join(directory, defined(readdirSync(directory)[0]));
  const batch = readFileSync(path);
  writeFileSync(path, batch.subarray(0, batch.length / 2));
  const reads = vi.spyOn(da, 'fetch');
  const logger = new CapturedLog();
  const follower = new DaFollower({}, { da, chain: store, logger });
  for (let look = 0; look < 200; look++) await follower.catchUp();
  // Rarer and rarer, and in the end every 33rd time.
  expect(reads.mock.calls.length).toBeLessThan(13);
  expect(logger.warnings).toHaveLength(1);
  writeFileSync(path, batch);
  for (let look = 0; look < 33; look++) await follower.catchUp();
  expect(store.finalizedNumber()).toBe(4);
});

test('a batch that could not be read for a moment is read at the next look', async () => {
  const { store, da } = await safeNodeWithBatch();
  vi.spyOn(da, 'fetch').mockRejectedValueOnce(new TypeError('stale file handle'));
  const logger = new CapturedLog();
  const follower = new DaFollower({}, { da, chain: store, logger });
  await follower.catchUp();
  expect(store.finalizedNumber()).toBeUndefined();
  expect(logger.warnings).toEqual([expect.stringContaining('stale file handle')]);
  await follower.catchUp();
  expect(store.finalizedNumber()).toBe(4);
});

test('a stop ends the round under way behind the batch that is being read', async () => {
  const builder = builtChain();
  const { store } = await daNode(builder);
  await store.markSafe(4);
  const { da } = await tempDa();
  for (const block of builder.blocks) {
    const { number } = block.seal.header;
    await da.post(number, number, encodeBatch(recordsOf([block]).map(({ bytes }) => bytes)));
  }
  const stop = new AbortController();
  store.subscribe((event) => {
    if (event.kind === 'finalized' && event.blockNumber === 2) stop.abort();
  });
  await new DaFollower({}, { da, chain: store, logger: new CapturedLog() }).run(stop.signal);
  expect(store.finalizedNumber()).toBe(2);
});

test('a layer that cannot be read is reported and tried again until the signal aborts', async () => {
  const { store } = await daNode(builtChain());
  const stop = new AbortController();
  let looks = 0;
  const da = {
    list: async () => {
      looks++;
      if (looks === 3) stop.abort();
      throw new TypeError('no such directory');
    },
    post: () => Promise.reject(new TypeError('not here')),
    fetch: () => Promise.reject(new TypeError('not here')),
  };
  const logger = new CapturedLog();
  await new DaFollower({ intervalMs: 1 }, { da, chain: store, logger }).run(stop.signal);
  expect(looks).toBe(3);
  expect(logger.warnings).toHaveLength(3);
});
