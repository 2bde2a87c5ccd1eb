/**
 * What the write-ahead log costs: the latency of one synced mini-block, throughput of concurrent appends that share a
 * sync, and the time to open a log. `node test/perf/log-sync.ts [directory]`: the disk of that directory is measured.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogEntry } from '../../src/protocol/ports/log.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { describeTimes, timeEach } from './percentiles.ts';

const MINI_BLOCK_BYTES = 20_000;
const MINI_BLOCKS_PER_SECOND = 100;
const SECONDS_OF_LOG = 10;
const SINGLE_APPENDS = 1_000;
const CONCURRENT_APPENDS = 5_000;
const MEGABYTE = 1_000_000;

const miniBlock = randomBytes(MINI_BLOCK_BYTES);
// What the log takes for a mini-block.
miniBlock[0] = 1;
const entry = (number: number): LogEntry => ({ number, bytes: miniBlock });

function open(directory: string): ReturnType<typeof SegmentLog.open> {
  return SegmentLog.open({ directory, genesisHash: new Uint8Array(32), durability: 'sync', maxQueuedBytes: 512 * MEGABYTE });
}

async function latency(directory: string): Promise<void> {
  const { log } = await open(directory);
  const times = await timeEach(SINGLE_APPENDS, (i) => log.append([entry(i + 1)]));
  console.log(`append and sync of one mini-block of ${MINI_BLOCK_BYTES} bytes: ${describeTimes(times)}`);
  await log.close();
}

async function throughput(directory: string): Promise<void> {
  const { log } = await open(directory);
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: CONCURRENT_APPENDS }, (_, i) => log.append([entry(i + 1)])));
  const seconds = (performance.now() - startedMs) / 1_000;
  const megabytes = (CONCURRENT_APPENDS * MINI_BLOCK_BYTES) / MEGABYTE;
  console.log(
    `group commit: ${Math.round(CONCURRENT_APPENDS / seconds)} mini-blocks/s, ${Math.round(megabytes / seconds)} MB/s durable`,
  );
  await log.close();
}

/** Opens a log as a killed process leaves it, and as a clean stop does. */
async function recovery(directory: string): Promise<void> {
  const count = SECONDS_OF_LOG * MINI_BLOCKS_PER_SECOND;
  const { log } = await open(directory);
  await Promise.all(Array.from({ length: count }, (_, i) => log.append([entry(i + 1)])));
  const killed = `${directory}-killed`;
  await cp(directory, killed, { recursive: true, filter: (source) => !source.includes('guard') });
  await log.close();
  for (const [how, path] of [
    ['a kill', killed],
    ['a clean stop', directory],
  ] as const) {
    const startedMs = performance.now();
    const { log: opened } = await open(path);
    const ms = performance.now() - startedMs;
    console.log(`open of ${SECONDS_OF_LOG} s of log (${count} mini-blocks) after ${how}: ${ms.toFixed(0)} ms`);
    if (opened.lastNumber() !== count) throw new Error('mini-blocks are missing');
    await opened.close();
  }
}

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'strobe-perf-'));
try {
  await latency(join(root, 'latency'));
  await throughput(join(root, 'throughput'));
  await recovery(join(root, 'recovery'));
} finally {
  await rm(root, { recursive: true, force: true });
}
