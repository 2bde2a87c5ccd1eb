import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { contentDigest } from '../../../../src/store/snapshot/content-digest.ts';
import { withSnapshotFile } from '../../../../src/store/snapshot/snapshot-file.ts';
import { SnapshotStore } from '../../../../src/store/snapshot/snapshot-store.ts';
import { discardStaged, StagedSnapshot } from '../../../../src/store/snapshot/staged-snapshot.ts';
import { defined } from '../../../support/defined.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';
import { bytes, pointAt, stateOf, withFlippedBit } from './snapshot-kit.ts';

const CHUNKS = [bytes(300, 1), bytes(200, 2), bytes(100, 3)];

/** A snapshot as a peer has it. */
async function original(now = 1) {
  const point = pointAt(5);
  const store = await SnapshotStore.open({ directory: tempDirectory(), genesisHash: point.genesisHash }, { now: () => now });
  await store.write(point, stateOf(point, CHUNKS));
  const { path, manifest } = defined(await store.newest());
  return { path, manifest, encoded: await withSnapshotFile(path, async (file) => file.encodedManifest) };
}

test('what is collected in any order is the snapshot of the peer, byte for byte, and can be taken over', async () => {
  const { path, manifest, encoded } = await original();
  const staged = await StagedSnapshot.create(join(tempDirectory(), 'staging'), manifest, encoded);
  expect(staged.contentDigest).toEqual(contentDigest(manifest));
  for (const index of [2, 0, 1]) {
    expect(staged.has(index)).toBe(false);
    expect(await staged.add(index, CHUNKS[index] as Uint8Array)).toBe(true);
    expect(staged.has(index)).toBe(true);
  }
  expect(await staged.add(1, CHUNKS[1] as Uint8Array)).toBe(true);
  expect([staged.missingCount, staged.bytes]).toEqual([0, 600]);
  await staged.sync();
  await staged.close();
  expect(readFileSync(staged.path)).toEqual(readFileSync(path));

  const { genesisHash } = manifest;
  const store = await SnapshotStore.open({ directory: tempDirectory(), genesisHash });
  await store.adopt(staged);
  expect((await store.newest())?.manifest.header.number).toBe(5);
  expect(() => readFileSync(staged.path)).toThrow('ENOENT');
});

test('a chunk is there when it is written, and not while it is', async () => {
  const { manifest, encoded } = await original();
  const staged = await StagedSnapshot.create(tempDirectory(), manifest, encoded);
  await staged.add(0, CHUNKS[0] as Uint8Array);
  await staged.add(1, CHUNKS[1] as Uint8Array);
  // Peers that are asked for the same chunk may both give it.
  const adding = [1, 2].map(() => staged.add(2, CHUNKS[2] as Uint8Array));
  expect([staged.missingCount, staged.has(2), staged.missing(), staged.bytes]).toEqual([1, false, [2], 500]);
  expect(await Promise.all(adding)).toEqual([true, true]);
  expect([staged.missingCount, staged.has(2), staged.missing(), staged.bytes]).toEqual([0, true, [], 600]);
  await staged.close();
});

test('what the disk takes a part of at a time is written whole', async () => {
  const { path, manifest, encoded } = await original();
  const probe = await open(path, 'r');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { write } = prototype;
  // As a disk does that is nearly full.
  const partial = vi.spyOn(prototype, 'write').mockImplementation(function (
    this: FileHandle,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) {
    return Reflect.apply(write, this, [bytes, offset, Math.min(length, 64), position]);
  } as typeof write);
  onTestFinished(() => partial.mockRestore());
  const staged = await StagedSnapshot.create(tempDirectory(), manifest, encoded);
  for (const [index, chunk] of CHUNKS.entries()) await staged.add(index, chunk);
  await staged.close();
  expect(readFileSync(staged.path)).toEqual(readFileSync(path));
});

test('wrong bytes are refused and change nothing', async () => {
  const { manifest, encoded } = await original();
  const staged = await StagedSnapshot.create(tempDirectory(), manifest, encoded);
  for (const wrong of [bytes(300, 9), bytes(299, 1), bytes(0), bytes(200, 2)]) expect(await staged.add(0, wrong)).toBe(false);
  expect(await staged.add(3, CHUNKS[0] as Uint8Array)).toBe(false);
  expect(staged.missing()).toEqual([0, 1, 2]);
  await staged.close();
});

test('after a crash what is whole is there, and what is damaged is missing again', async () => {
  const { manifest, encoded } = await original();
  const directory = tempDirectory();
  const staged = await StagedSnapshot.create(directory, manifest, encoded);
  for (const index of [0, 2]) await staged.add(index, CHUNKS[index] as Uint8Array);
  await staged.close();
  writeFileSync(staged.path, withFlippedBit(staged.path, 16 + 550));
  const resumed = defined(await StagedSnapshot.resume(directory));
  expect(resumed.missing()).toEqual([1, 2]);
  expect(resumed.bytes).toBe(300);
  for (const index of [1, 2]) expect(await resumed.add(index, CHUNKS[index] as Uint8Array)).toBe(true);
  await resumed.close();
  const again = defined(await StagedSnapshot.resume(directory));
  expect(again.missingCount).toBe(0);
  await again.close();
});

test('one that was killed before its manifest was whole, or never begun, is none', async () => {
  const { manifest, encoded } = await original();
  const directory = tempDirectory();
  expect(await StagedSnapshot.resume(directory)).toBeUndefined();
  expect(await StagedSnapshot.resume(join(directory, 'missing'))).toBeUndefined();
  const staged = await StagedSnapshot.create(directory, manifest, encoded);
  await staged.close();
  truncateSync(staged.path, 700);
  expect(await StagedSnapshot.resume(directory)).toBeUndefined();
  const anew = await StagedSnapshot.create(directory, manifest, encoded);
  expect(anew.missingCount).toBe(3);
  await anew.close();
  await discardStaged(directory);
  expect(await StagedSnapshot.resume(directory)).toBeUndefined();
});

test('the content digest is that of the state, and not of the file that it lies in', async () => {
  const [first, second] = [await original(1), await original(2)];
  expect(second.encoded).not.toEqual(first.encoded);
  const digest = contentDigest(first.manifest);
  expect(contentDigest(second.manifest)).toEqual(digest);
  const { manifest } = first;
  const others = [
    { ...manifest, blockHash: bytes(32, 7) },
    { ...manifest, chunks: manifest.chunks.toReversed() },
    { ...manifest, mark: { ...manifest.mark, slots: 6 } },
  ];
  for (const each of others) expect(contentDigest(each)).not.toEqual(digest);
});
