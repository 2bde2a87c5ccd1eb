import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SnapshotStore } from '../../src/store/snapshot/snapshot-store.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { defined } from '../support/defined.ts';
import { runs } from '../support/property-runs.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { CollectingLoader, pointAt, stateOf } from '../unit/store/snapshot/snapshot-kit.ts';

const chunkLists = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });

async function written(block: number, chunks: readonly Uint8Array[]): Promise<SnapshotStore> {
  const point = pointAt(block);
  const store = await SnapshotStore.open({ directory: join(tempDirectory(), 'snapshots'), genesisHash: point.genesisHash });
  await store.write(point, stateOf(point, chunks));
  return store;
}

test('any list of chunks comes back as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 12 }), chunkLists, async (block, chunks) => {
      const store = await written(block, chunks);
      const loader = new CollectingLoader();
      const manifest = await store.read(defined(await store.newest()), loader);
      expect(loader.chunks).toEqual(chunks);
      expect(manifest).toMatchObject(pointAt(block));
    }),
    runs(40),
  );
});

test('whatever byte changes and wherever the file is cut, it is not read as whole', async () => {
  await fc.assert(
    fc.asyncProperty(chunkLists, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (chunks, at, mask, cut) => {
      const store = await written(3, chunks);
      const { path } = defined(await store.newest());
      const file = readFileSync(path);
      const index = at % file.length;
      if (!cut) file[index] = (file[index] as number) ^ mask;
      writeFileSync(path, cut ? file.subarray(0, index) : file);
      const error = await readAgain(store).catch((thrown: unknown) => thrown);
      expect(isStrobeError(error, 'INVALID_SNAPSHOT')).toBe(true);
    }),
    runs(150),
  );
});

async function readAgain(store: SnapshotStore): Promise<void> {
  const { snapshots, damaged } = await store.list();
  for (const { error } of damaged) throw error;
  for (const entry of snapshots) await store.read(entry, new CollectingLoader());
}
