import { SegmentLog } from '../../src/store/segment-log.ts';
import { miniBlockEntry, TEST_GENESIS_HASH } from './log-records.ts';

// Appends to the log in argv[2] until it is killed, and prints every number once it is acknowledged.
const { log } = await SegmentLog.open({
  directory: process.argv[2] as string,
  genesisHash: TEST_GENESIS_HASH,
  durability: 'sync',
  segmentBytes: 20_000,
});
for (;;) {
  const first = log.lastNumber() + 1;
  const group = Array.from({ length: 8 }, (_, i) => miniBlockEntry(first + i, 200 + ((first + i) % 700)));
  await Promise.all(group.map((entry) => log.append([entry])));
  process.stdout.write(`${first + 7}\n`);
}
