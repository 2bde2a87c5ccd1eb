import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { contentDigest } from '../../../../src/store/snapshot/content-digest.ts';
import { ServedSnapshots } from '../../../../src/store/snapshot/snapshot-source.ts';
import { SnapshotStore } from '../../../../src/store/snapshot/snapshot-store.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { defined } from '../../../support/defined.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';
import { bytes, pointAt, stateOf, withFlippedBit } from './snapshot-kit.ts';

async function serving(...blocks: number[]) {
  const directory = tempDirectory();
  const clock = { ms: 0 };
  const store = await SnapshotStore.open({ directory, genesisHash: pointAt(0).genesisHash, keep: 2 });
  const write = async (block: number) => {
    await store.write(pointAt(block), stateOf(pointAt(block), [bytes(100, block), bytes(50, block)]));
    clock.ms += 2_000;
  };
  for (const block of blocks) await write(block);
  const served = new ServedSnapshots(
    { directory },
    { chain: { attestations: async () => [] }, log: { firstNumber: () => 7 }, nowMs: () => clock.ms },
  );
  onTestFinished(() => served.close());
  const digestOf = async (block: number) => {
    const { snapshots } = await store.list();
    return contentDigest(defined(snapshots.find(({ manifest }) => manifest.header.number === block)).manifest);
  };
  const offered = async () => (await served.offers()).snapshots.map(({ blockNumber }) => blockNumber);
  return { directory, clock, write, served, digestOf, offered };
}

test('the kept snapshots are offered, newest first, with manifest and chunks as they are on disk', async () => {
  const { served, digestOf } = await serving(3, 5);
  const { logFirst, snapshots } = await served.offers();
  expect(logFirst).toBe(7);
  expect(snapshots.map(({ blockNumber }) => blockNumber)).toEqual([5, 3]);
  const digest = await digestOf(5);
  expect(snapshots[0]?.contentDigest).toEqual(digest);
  expect((await served.manifest(digest))?.length).toBe(snapshots[0]?.manifestBytes);
  expect(await served.chunk(digest, 0)).toEqual(bytes(100, 5));
  expect(await served.chunk(digest, 1)).toEqual(bytes(50, 5));
  expect(await served.chunk(digest, 2)).toBeUndefined();
  expect(await served.chunk(keccak256(digest), 0)).toBeUndefined();
  expect(await served.manifest(keccak256(digest))).toBeUndefined();
});

test('one that is removed for a newer one is there until its readers are done', async () => {
  const { directory, clock, write, served, digestOf, offered } = await serving(3, 5);
  expect(await offered()).toEqual([5, 3]);
  const digest = await digestOf(3);
  expect(await served.chunk(digest, 0)).toEqual(bytes(100, 3));
  await write(7);
  expect(readdirSync(directory)).toHaveLength(2);
  expect(await offered()).toEqual([7, 5]);
  for (let i = 0; i < 5; i++) {
    clock.ms += 100_000;
    expect(await served.chunk(digest, 1)).toEqual(bytes(50, 3));
    expect(await offered()).toEqual([7, 5]);
  }
  clock.ms += 200_000;
  expect(await offered()).toEqual([7, 5]);
  expect(await served.chunk(digest, 1)).toBeUndefined();
});

test('a damaged file is not offered; genesis and an empty directory neither', async () => {
  const { directory, served, offered } = await serving(3, 5);
  const newest = join(directory, readdirSync(directory).sort().at(-1) as string);
  writeFileSync(newest, withFlippedBit(newest, -60));
  expect(await offered()).toEqual([3]);
  await served.close();
  const none = await serving();
  expect(await none.offered()).toEqual([]);
});
