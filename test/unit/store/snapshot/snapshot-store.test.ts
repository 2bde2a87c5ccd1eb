import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeDisk } from '../../../../src/store/log-disk.ts';
import { SnapshotStore } from '../../../../src/store/snapshot/snapshot-store.ts';
import { StrobeError } from '../../../../src/util/errors.ts';
import { defined } from '../../../support/defined.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';
import { bytes, CollectingLoader, MARK, pointAt, stateOf, withFlippedBit } from './snapshot-kit.ts';

const { genesisHash } = pointAt(0);
const nameOf = (block: number): string => `${String(block).padStart(16, '0')}.snapshot`;
const FILE_HEADER_BYTES = 16;

async function openStore(directory = tempDirectory(), keep = 2): Promise<SnapshotStore> {
  return SnapshotStore.open({ directory, genesisHash, keep });
}

async function writeBlocks(store: SnapshotStore, ...blocks: number[]): Promise<void> {
  for (const block of blocks) await store.write(pointAt(block), stateOf(pointAt(block), [bytes(500, block), bytes(20, block)]));
}

async function blocksOf(store: SnapshotStore): Promise<number[]> {
  return (await store.list()).snapshots.map(({ manifest }) => manifest.header.number);
}

describe('SnapshotStore', () => {
  it('gives back what was written, over a restart, with all that the block needs', async () => {
    const directory = join(tempDirectory(), 'snapshots');
    const point = pointAt(290);
    const chunks = [bytes(1000, 1), bytes(0), bytes(3, 2)];
    const written = await (await openStore(directory)).write(point, stateOf(point, chunks));
    const store = await openStore(directory);
    const newest = await store.newest();
    expect(newest?.manifest).toEqual(written);
    expect(written).toMatchObject({ ...point, header: point.headers.at(-1), mark: MARK, stateBytes: 1003 });
    expect(written.headers.length).toBe(291);
    const loader = new CollectingLoader();
    expect(await store.read(defined(newest), loader)).toEqual(written);
    expect(loader.chunks).toEqual(chunks);
    expect(loader.finished).toEqual({ number: 29_000, mark: MARK });
  });

  it('takes a snapshot of genesis, which has no seal', async () => {
    const store = await openStore();
    await store.write(pointAt(0), stateOf(pointAt(0), [bytes(9)]));
    expect((await store.newest())?.manifest.seal).toBeUndefined();
  });

  it('asks the state for chunks of the length it was told, one at a time', async () => {
    const store = await openStore();
    const point = pointAt(1);
    const shared = new Uint8Array(4);
    let asked = 0;
    const snapshot = {
      ...stateOf(point, []),
      *chunks(chunkBytes: number) {
        asked = chunkBytes;
        // One buffer over and over: it is free again when the next chunk is asked for.
        for (let i = 0; i < 3; i++) yield shared.fill(i);
      },
    };
    await store.write(point, snapshot, { chunkBytes: 77 });
    expect(asked).toBe(77);
    const loader = new CollectingLoader();
    await store.read(defined(await store.newest()), loader);
    expect(loader.chunks).toEqual([bytes(4, 0), bytes(4, 1), bytes(4, 2)]);
  });

  it('keeps the newest ones and removes older ones only behind a whole newer one', async () => {
    const store = await openStore();
    await writeBlocks(store, 1, 2);
    expect(await blocksOf(store)).toEqual([2, 1]);
    const outrun = {
      ...stateOf(pointAt(3), []),
      *chunks() {
        yield bytes(10);
        throw new StrobeError('SNAPSHOT_OUTRUN', 'too slow');
      },
    };
    await expect(store.write(pointAt(3), outrun)).rejects.toMatchObject({ code: 'SNAPSHOT_OUTRUN' });
    expect(readdirSync(store.directory)).toEqual([nameOf(1), nameOf(2)]);
    await writeBlocks(store, 3);
    expect(await blocksOf(store)).toEqual([3, 2]);
    expect(readdirSync(store.directory)).toEqual([nameOf(2), nameOf(3)]);
  });

  it('replaces the snapshot of the same block and refuses an older one, which would be removed at once', async () => {
    const store = await openStore();
    await writeBlocks(store, 5, 5);
    expect(await blocksOf(store)).toEqual([5]);
    await expect(writeBlocks(store, 4)).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_NEWER' });
    await store.removeAbove(4);
    await writeBlocks(store, 4);
    expect(await blocksOf(store)).toEqual([4]);
  });

  it('writes one at a time', async () => {
    const store = await openStore();
    const first = writeBlocks(store, 1);
    await expect(writeBlocks(store, 2)).rejects.toMatchObject({ code: 'SNAPSHOT_BUSY' });
    await first;
    await writeBlocks(store, 2);
  });

  it('stops between two chunks and leaves nothing behind', async () => {
    const store = await openStore();
    const stop = new AbortController();
    let made = 0;
    const endless = {
      ...stateOf(pointAt(1), []),
      *chunks() {
        for (;;) {
          if (++made === 5) stop.abort();
          yield bytes(10);
        }
      },
    };
    await expect(store.write(pointAt(1), endless, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(made).toBe(5);
    expect(readdirSync(store.directory)).toEqual([]);
  });

  it('refuses parts that are not of one block, before it writes', async () => {
    const store = await openStore();
    const point = pointAt(3);
    const wrong = [
      { ...point, headers: point.headers.slice(1) },
      { ...point, headers: [...point.headers].reverse() },
      { ...point, seal: pointAt(2).seal },
      { ...point, seal: undefined },
      { ...point, head: { ...point.head, digest: bytes(32, 99) } },
      { ...point, epochStarts: [...point.epochStarts].reverse() },
      { ...point, epochStarts: pointAt(3, 1).epochStarts },
      { ...point, headers: [] },
    ];
    for (const each of wrong) {
      await expect(store.write(each, stateOf(each, [bytes(1)]))).rejects.toMatchObject({ code: 'INVALID_SNAPSHOT' });
    }
    await expect(store.write(point, stateOf(pointAt(4), []))).rejects.toMatchObject({ code: 'INVALID_SNAPSHOT' });
    const mark = { ...MARK, digest: bytes(32, 98) };
    await expect(store.write(point, { ...stateOf(point, []), mark })).rejects.toMatchObject({ code: 'INVALID_SNAPSHOT' });
    expect(readdirSync(store.directory)).toEqual([]);
  });

  it('is of one chain', async () => {
    const store = await openStore();
    await expect(store.write(pointAt(2, 1), stateOf(pointAt(2, 1), []))).rejects.toMatchObject({ code: 'GENESIS_MISMATCH' });
    await writeBlocks(store, 1);
    const other = { directory: store.directory, genesisHash: pointAt(0, 1).genesisHash };
    await expect(SnapshotStore.open(other)).rejects.toMatchObject({ code: 'GENESIS_MISMATCH' });
  });

  it('refuses a newer format and names the remedy', async () => {
    const store = await openStore();
    await writeBlocks(store, 1);
    const path = join(store.directory, nameOf(1));
    const file = readFileSync(path);
    const { crc32 } = await import('node:zlib');
    file.writeUInt32LE(2, 8);
    file.writeUInt32LE(crc32(file.subarray(0, 12)), 12);
    writeFileSync(path, file);
    await expect(openStore(store.directory)).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      message: expect.stringContaining('use the newer program that wrote it'),
    });
  });
});

describe('a crashed or failing writer', () => {
  it('is seen as never having written, wherever it stopped', async () => {
    const source = await openStore();
    await writeBlocks(source, 2);
    const whole = readFileSync(join(source.directory, nameOf(2)));
    const directory = tempDirectory();
    await writeBlocks(await openStore(directory), 1);
    for (const written of [0, 7, FILE_HEADER_BYTES, 300, 516, whole.length - 41, whole.length - 1, whole.length]) {
      writeFileSync(join(directory, `${nameOf(2)}.partial`), whole.subarray(0, written));
      const store = await openStore(directory);
      expect(readdirSync(directory)).toEqual([nameOf(1)]);
      expect(await store.list()).toMatchObject({ snapshots: [{ manifest: { header: { number: 1 } } }], damaged: [] });
    }
  });

  it('after the rename and before the old ones were removed leaves one more, which the next write removes', async () => {
    const store = await openStore(tempDirectory(), 3);
    await writeBlocks(store, 1, 2, 3);
    const reopened = await openStore(store.directory, 2);
    expect(await blocksOf(reopened)).toEqual([3, 2, 1]);
    await writeBlocks(reopened, 4);
    expect(await blocksOf(reopened)).toEqual([4, 3]);
  });

  it.each(['write', 'sync'] as const)('fails on every single %s without harm to the older one', async (operation) => {
    const directory = tempDirectory();
    await writeBlocks(await openStore(directory), 1);
    for (let failAt = 0; ; failAt++) {
      let count = 0;
      const fail = async (name: string): Promise<void> => {
        if (name === operation && count++ === failAt) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      };
      const disk = {
        write: async (...args: Parameters<typeof nodeDisk.write>) => {
          await fail('write');
          await nodeDisk.write(...args);
        },
        sync: async (...args: Parameters<typeof nodeDisk.sync>) => {
          await fail('sync');
          await nodeDisk.sync(...args);
        },
      };
      const store = await SnapshotStore.open({ directory, genesisHash }, { disk });
      const outcome = await writeBlocks(store, 2).catch((error: unknown) => error);
      if (outcome === undefined) {
        // Header, two chunks, manifest, trailer; one sync at the end of so little.
        expect(failAt).toBe(operation === 'write' ? 5 : 1);
        expect(await blocksOf(store)).toEqual([2, 1]);
        return;
      }
      expect(outcome).toMatchObject({ code: 'SNAPSHOT_FAILED', message: expect.stringContaining('no space left') });
      expect(readdirSync(directory)).toEqual([nameOf(1)]);
    }
  });

  it('is found out when the disk lied, before the older ones go', async () => {
    const directory = tempDirectory();
    await writeBlocks(await openStore(directory), 1, 2);
    const disk = { ...nodeDisk, write: async () => {} };
    const store = await SnapshotStore.open({ directory, genesisHash, keep: 1 }, { disk });
    await expect(writeBlocks(store, 3)).rejects.toMatchObject({ code: 'INVALID_SNAPSHOT' });
    expect(await blocksOf(store)).toEqual([2, 1]);
  });

  it('syncs a long snapshot piece by piece', async () => {
    const syncedAfter: number[] = [];
    let written = 0;
    const disk = {
      write: async (...args: Parameters<typeof nodeDisk.write>) => {
        written += args[1].length;
        await nodeDisk.write(...args);
      },
      sync: async () => void syncedAfter.push(written),
    };
    const store = await SnapshotStore.open({ directory: tempDirectory(), genesisHash }, { disk });
    const mebibyte = bytes(1024 * 1024);
    const state = stateOf(
      pointAt(1),
      Array.from({ length: 20 }, () => mebibyte),
    );
    await store.write(pointAt(1), state);
    expect(syncedAfter.length).toBe(3);
    expect(syncedAfter[0]).toBeLessThan(9 * mebibyte.length);
  });
});

describe('a damaged snapshot', () => {
  it('is reported with file and chunk when a chunk changed, and the older one is still there', async () => {
    const store = await openStore();
    await writeBlocks(store, 1, 2);
    const [newest, older] = (await store.list()).snapshots;
    const path = join(store.directory, nameOf(2));
    writeFileSync(path, withFlippedBit(path, FILE_HEADER_BYTES + 510));
    const loader = new CollectingLoader();
    await expect(store.read(defined(newest), loader)).rejects.toMatchObject({
      code: 'INVALID_SNAPSHOT',
      message: expect.stringContaining(path),
      meta: { file: path, chunk: 1, offset: FILE_HEADER_BYTES + 500 },
    });
    expect(loader.finished).toBeUndefined();
    await store.setAside(defined(newest));
    expect(await blocksOf(store)).toEqual([1]);
    expect(await store.read(defined(older), new CollectingLoader())).toMatchObject({ header: { number: 1 } });
    await writeBlocks(store, 3);
    expect(readdirSync(store.directory)).toEqual([nameOf(1), nameOf(3)]);
  });

  it('is listed as damaged when any byte outside the chunks changed or its end is missing', async () => {
    const store = await openStore();
    await writeBlocks(store, 1, 2);
    const path = join(store.directory, nameOf(2));
    const whole = readFileSync(path);
    const spoilt = [
      ...[0, 8, 9, 13, FILE_HEADER_BYTES + 520, 900, -1, -5, -37, -40, -41].map(
        (at) => () => writeFileSync(path, withFlippedBit(path, at)),
      ),
      ...[0, 10, FILE_HEADER_BYTES, 400, whole.length - 41, whole.length - 1].map((size) => () => truncateSync(path, size)),
      () => writeFileSync(path, Buffer.concat([whole, bytes(1)])),
      () => writeFileSync(path, Buffer.concat([whole.subarray(0, 100), whole.subarray(101)])),
    ];
    for (const spoil of spoilt) {
      writeFileSync(path, whole);
      spoil();
      const { snapshots, damaged } = await (await openStore(store.directory)).list();
      expect(snapshots.map(({ manifest }) => manifest.header.number)).toEqual([1]);
      expect(damaged).toMatchObject([{ path, error: { code: 'INVALID_SNAPSHOT', message: expect.stringContaining(path) } }]);
    }
    await writeBlocks(store, 3);
    expect(readdirSync(store.directory)).toEqual([nameOf(1), nameOf(3)]);
  });

  it('is one under the name of another block', async () => {
    const store = await openStore();
    await writeBlocks(store, 1);
    writeFileSync(join(store.directory, nameOf(7)), readFileSync(join(store.directory, nameOf(1))));
    const { damaged } = await store.list();
    expect(damaged[0]?.error.message).toContain('it is of block 1');
  });

  it('leaves files alone that are none of ours', async () => {
    const directory = tempDirectory();
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    const store = await openStore(directory);
    await writeBlocks(store, 1, 2, 3);
    expect(readdirSync(directory)).toEqual([nameOf(2), nameOf(3), 'notes.txt']);
  });
});
