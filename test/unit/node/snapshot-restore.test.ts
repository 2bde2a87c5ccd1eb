import { readdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { restoreNewestSnapshot } from '../../../src/node/snapshot-restore.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { bytes, CollectingLoader, pointAt, stateOf, withFlippedBit } from '../store/snapshot/snapshot-kit.ts';

/** What went to the logger. */
class CapturedErrors {
  readonly messages: string[] = [];

  error(_fields: object, message: string): void {
    this.messages.push(message);
  }
}

async function storeWith(...blocks: number[]): Promise<SnapshotStore> {
  const store = await SnapshotStore.open({ directory: tempDirectory(), genesisHash: pointAt(0).genesisHash, keep: 3 });
  for (const block of blocks) await store.write(pointAt(block), stateOf(pointAt(block), [bytes(100, block), bytes(100, block)]));
  return store;
}

function collecting() {
  const loader = new CollectingLoader();
  return { state: loader, loader };
}

it('falls back over damaged snapshots to the newest whole one, says so and never mixes them', async () => {
  const store = await storeWith(1, 2, 3);
  const [third, second] = (await store.list()).snapshots.map(({ path }) => path) as [string, string];
  writeFileSync(third, withFlippedBit(third, -1));
  writeFileSync(second, withFlippedBit(second, 16 + 150));
  const logger = new CapturedErrors();
  const restored = await restoreNewestSnapshot(collecting, { store, logger });
  expect(restored?.manifest.header.number).toBe(1);
  expect(restored?.state.chunks).toEqual([bytes(100, 1), bytes(100, 1)]);
  expect(logger.messages.length).toBe(2);
  expect(logger.messages[0]).toContain(third);
  expect(logger.messages[1]).toMatch(/chunk 1 .* is damaged; it is set aside/);
  expect(readdirSync(store.directory).filter((name) => name.endsWith('.damaged'))).toEqual([`${second.slice(-25)}.damaged`]);
});

it('takes a refusal of the loader for damage', async () => {
  const store = await storeWith(1, 2);
  const picky = () => {
    const { state, loader } = collecting();
    const finish = loader.finish.bind(loader);
    loader.finish = (number, mark) => {
      if (number === 200) throw new StrobeError('INVALID_SNAPSHOT', 'the rows are not those of the mark');
      finish(number, mark);
    };
    return { state, loader };
  };
  const restored = await restoreNewestSnapshot(picky, { store, logger: new CapturedErrors() });
  expect(restored?.manifest.header.number).toBe(1);
});

it('answers undefined when there is none', async () => {
  const store = await storeWith();
  expect(await restoreNewestSnapshot(collecting, { store, logger: new CapturedErrors() })).toBeUndefined();
});
