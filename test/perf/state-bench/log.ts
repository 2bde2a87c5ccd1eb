import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { percentile, timeEach } from '../percentiles.ts';
import { openLog } from './bench-storage.ts';
import { type Figure, progress, type StepContext } from './step.ts';
import { elapsed } from './stopwatch.ts';

/** About what 1,000 ERC-20 transfers take, with the envelope: 100,000 of them a second. */
const MINI_BLOCK_BYTES = 20_000;
const SINGLE_APPENDS = 1_000;
const CONCURRENT_APPENDS = 5_000;
const MEGABYTE = 1e6;

/** How long it takes to make mini-blocks durable: one after the other, and as many as come. */
export async function measureLog({ directory }: StepContext): Promise<Figure[]> {
  const bytes = randomBytes(MINI_BLOCK_BYTES);
  // What the log takes for a mini-block.
  bytes[0] = 1;
  const entry = (number: number): LogEntry => ({ number, bytes });
  const singles = await openLog(join(directory, 'singles'));
  const times = await timeEach(SINGLE_APPENDS, (i) => singles.append([entry(i + 1)]));
  await singles.close();
  progress(`${SINGLE_APPENDS} mini-blocks, a sync each`);
  const groups = await openLog(join(directory, 'groups'));
  const seconds = await elapsed(() =>
    Promise.all(Array.from({ length: CONCURRENT_APPENDS }, (_, i) => groups.append([entry(i + 1)]))),
  );
  await groups.close();
  const note = `a mini-block of ${MINI_BLOCK_BYTES / 1_000} kB, appended and synced, one after the other`;
  return [
    { name: 'log: append and sync, p50', value: percentile(times, 50), unit: 'ms', target: '0.2 to 0.4', note },
    { name: 'log: append and sync, p99', value: percentile(times, 99), unit: 'ms', target: '0.4 to 8', note: 'the same' },
    {
      name: 'log: appends that share syncs',
      value: CONCURRENT_APPENDS / seconds,
      unit: 'mini-blocks/s',
      note: `${((CONCURRENT_APPENDS * MINI_BLOCK_BYTES) / seconds / MEGABYTE).toFixed(0)} MB/s durable`,
    },
  ];
}
