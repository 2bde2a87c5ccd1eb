import { expect, test } from 'vitest';
import { createChainPeerSource } from '../../../src/store/peer-source.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { miniBlockEntry, TEST_GENESIS_HASH } from '../../support/log-records.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

async function collect(records: AsyncIterable<Bytes>): Promise<Bytes[]> {
  const all: Bytes[] = [];
  for await (const record of records) all.push(record);
  return all;
}

const sourceOf = (log: Pick<SegmentLog, 'read'>) =>
  createChainPeerSource({
    head: () => ({ epoch: 1, number: 45, digest: new Uint8Array(32) }),
    log,
    chain: { attestations: async () => [] },
    witnesses: { read: async () => undefined },
  });

test('records that were pruned are answered with nothing, as not kept, and the ones behind them as ever', async () => {
  const { log } = await SegmentLog.open({
    directory: tempDirectory(),
    genesisHash: TEST_GENESIS_HASH,
    durability: 'os',
    segmentBytes: 400,
  });
  for (let number = 1; number <= 45; number++) await log.append([miniBlockEntry(number)]);
  await log.prune(25);
  const source = sourceOf(log);
  expect(await collect(source.range(20, 10))).toEqual([]);
  expect(await collect(source.range(21, 10))).toEqual(Array.from({ length: 10 }, (_, i) => miniBlockEntry(21 + i).bytes));
  // Pruned while the peer reads: it gets what was there, and asks again for the rest.
  const reader = source.range(21, 40)[Symbol.asyncIterator]();
  const first = await reader.next();
  await log.prune(45);
  let count = first.done ? 0 : 1;
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) count++;
  expect(count).toBe(10);
  await log.close();
});

test('any other failure of the log is passed on', async () => {
  const log = {
    // biome-ignore lint/correctness/useYield: it fails before the first record
    read: async function* () {
      throw new StrobeError('LOG_CORRUPT', 'damaged');
    },
  };
  await expect(collect(sourceOf(log).range(1, 1))).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
});
