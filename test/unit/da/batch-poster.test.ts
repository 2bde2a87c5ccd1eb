import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/da/batch.ts';
import { BatchPoster } from '../../../src/da/batch-poster.ts';
import { DaFollower } from '../../../src/da/da-follower.ts';
import type { DataAvailability } from '../../../src/protocol/ports/da.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { recordsOf } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { CapturedLog, daNode, tempDa } from './da-kit.ts';

function builtChain(blocks: number): ChainBuilder {
  const builder = new ChainBuilder();
  for (let i = 0; i < blocks; i++) builder.block(2, 1);
  return builder;
}

async function rangesOf(da: DataAvailability): Promise<number[][]> {
  return (await da.list()).map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]);
}

test('safe blocks are posted in order and become final; together the batches are the log', async () => {
  const builder = new ChainBuilder();
  const records = [builder.startEpoch().record];
  for (let i = 0; i < 5; i++) {
    records.push(...recordsOf([builder.block(2, 2)]));
    // One epoch starts between blocks, one inside of a block, between its last mini-block and its seal.
    if (i === 1) records.push(builder.startEpoch().record);
    if (i === 3) records.splice(-1, 0, builder.startEpoch().record);
  }
  const { store, log } = await daNode(builder, records);
  const { da } = await tempDa();
  const poster = new BatchPoster({ maxBlocksPerBatch: 2 }, { da, log, chain: store, logger: new CapturedLog() });
  await poster.postReady();
  expect(await da.list()).toEqual([]);
  await store.markSafe(3);
  await poster.postReady();
  expect(await rangesOf(da)).toEqual([
    [1, 2],
    [3, 3],
  ]);
  expect(store.finalizedNumber()).toBe(3);
  await store.markSafe(5);
  await poster.postReady();
  expect(await rangesOf(da)).toEqual([
    [1, 2],
    [3, 3],
    [4, 5],
  ]);
  expect(store.finalizedNumber()).toBe(5);
  const commitments = await da.list();
  expect(defined(await store.blockStatus(4)).daCommitment).toEqual(defined(commitments[2]).commitment);
  const posted = [];
  for (const { commitment } of commitments) posted.push(...decodeBatch(await da.fetch(commitment)));
  expect(posted).toEqual(records.map(({ bytes }) => bytes));

  const replica = await daNode(builder, records);
  await replica.store.markSafe(5);
  await new DaFollower({}, { da, chain: replica.store, logger: new CapturedLog() }).catchUp();
  expect(replica.store.finalizedNumber()).toBe(5);
});

test('a batch ends before it grows above its bytes, but has one block at least', async () => {
  const { store, log } = await daNode(builtChain(3));
  const { da } = await tempDa();
  await store.markSafe(3);
  await new BatchPoster({ maxBatchBytes: 1 }, { da, log, chain: store, logger: new CapturedLog() }).postReady();
  expect(await rangesOf(da)).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});

test('after a restart nothing is posted twice, and what was posted but not marked is marked', async () => {
  const builder = builtChain(4);
  const [before, after] = [await daNode(builder), await daNode(builder)];
  const { da } = await tempDa();
  await before.store.markSafe(3);
  await new BatchPoster({}, { da, log: before.log, chain: before.store, logger: new CapturedLog() }).postReady();
  // The marks of this store went down with a power failure: its safe block first, then all of it comes back.
  const poster = new BatchPoster({}, { da, log: after.log, chain: after.store, logger: new CapturedLog() });
  await after.store.markSafe(2);
  await poster.postReady();
  expect(after.store.finalizedNumber()).toBeUndefined();
  await after.store.markSafe(4);
  await poster.postReady();
  expect(after.store.finalizedNumber()).toBe(4);
  expect(await rangesOf(da)).toEqual([
    [1, 3],
    [4, 4],
  ]);
});

test('a damaged or incomplete batch of an earlier run is posted again; one of another chain stops the poster', async () => {
  const builder = builtChain(2);
  const { da, directory } = await tempDa();
  const before = await daNode(builder);
  await before.store.markSafe(2);
  await new BatchPoster({}, { da, log: before.log, chain: before.store, logger: new CapturedLog() }).postReady();
  writeFileSync(join(directory, readdirSync(directory)[0] as string), 'damaged');
  const after = await daNode(builder);
  await after.store.markSafe(2);
  await new BatchPoster({}, { da, log: after.log, chain: after.store, logger: new CapturedLog() }).postReady();
  expect(after.store.finalizedNumber()).toBe(2);
  const [commitment] = await da.list();
  expect(decodeBatch(await da.fetch(defined(commitment).commitment))).toHaveLength(6);

  const seals = builder.blocks.map(({ record }) => record.bytes);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  await da.post(1, 2, encodeBatch(seals));
  const again = await daNode(builder);
  await again.store.markSafe(2);
  await new BatchPoster({}, { da, log: again.log, chain: again.store, logger: new CapturedLog() }).postReady();
  expect(again.store.finalizedNumber()).toBe(2);
  const lengths = [];
  for (const each of await da.list()) lengths.push(decodeBatch(await da.fetch(each.commitment)).length);
  expect(lengths.sort()).toEqual([2, 6]);

  const foreign = new ChainBuilder({ name: 'other' });
  foreign.block();
  foreign.block();
  const other = await daNode(foreign);
  await other.store.markSafe(2);
  const poster = new BatchPoster({}, { da, log: other.log, chain: other.store, logger: new CapturedLog() });
  await expect(poster.run(new AbortController().signal)).rejects.toMatchObject({ code: 'DA_BATCH_MISMATCH' });
});

/** A layer that fails its first `failures` posts. */
function flaky(da: DataAvailability, failures: number): DataAvailability & { attempts: number } {
  const layer = {
    attempts: 0,
    post: async (...parameters: Parameters<DataAvailability['post']>) => {
      layer.attempts++;
      if (layer.attempts <= failures) throw new StrobeError('EIO', 'disk on fire');
      return da.post(...parameters);
    },
    fetch: (commitment: Uint8Array) => da.fetch(commitment),
    list: () => da.list(),
  };
  return layer;
}

test('a failing layer is tried again a bounded number of times and then fails visibly', async () => {
  const { store, log } = await daNode(builtChain(1));
  await store.markSafe(1);
  const { da } = await tempDa();
  const options = { intervalMs: 1, maxAttempts: 3 };
  const logger = new CapturedLog();
  const broken = flaky(da, Number.POSITIVE_INFINITY);
  const failed = new BatchPoster(options, { da: broken, log, chain: store, logger }).run(new AbortController().signal);
  await expect(failed).rejects.toMatchObject({ code: 'DA_POST_FAILED', message: expect.stringContaining('disk on fire') });
  expect(broken.attempts).toBe(3);
  expect(logger.warnings).toHaveLength(2);

  const stop = new AbortController();
  store.subscribe((event) => {
    if (event.kind === 'finalized') stop.abort();
  });
  await new BatchPoster(options, { da: flaky(da, 2), log, chain: store, logger }).run(stop.signal);
  expect(store.finalizedNumber()).toBe(1);
});

test('a log without the records of a safe block is an error and not an empty batch', async () => {
  const { store } = await daNode(builtChain(2), []);
  const { da } = await tempDa();
  await store.markSafe(1);
  const poster = new BatchPoster({}, { da, log: { read: async function* () {} }, chain: store, logger: new CapturedLog() });
  await expect(poster.run(new AbortController().signal)).rejects.toMatchObject({ code: 'DA_RECORDS_MISSING' });
});
