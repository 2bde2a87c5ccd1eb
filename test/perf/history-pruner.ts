/**
 * How fast old blocks go, and how long their removal holds the event loop: mini-blocks as large as those of 100,000
 * transactions a second. `node test/perf/history-pruner.ts [directory]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChainDatabase } from '../../src/store/chain-database.ts';
import { HistoryPruner, MIN_KEPT_BLOCKS } from '../../src/store/history-pruner.ts';
import { openLevel } from '../../src/store/level-database.ts';
import { madeUpBlock } from '../support/stored-blocks.ts';

const BLOCKS = 200;
const TRANSACTIONS_PER_MINI_BLOCK = 1_000;
const NANOSECONDS_PER_MS = 1e6;
const IDLE_MS = 5_000;

/** How late the event loop was while `action` ran. */
async function lateness(action: () => Promise<unknown>): Promise<string> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await action();
  delay.disable();
  const [p50, p99, p999] = [50, 99, 99.9].map((percent) => (delay.percentile(percent) / NANOSECONDS_PER_MS).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, p99.9 ${p999} ms, most ${(delay.max / NANOSECONDS_PER_MS).toFixed(1)} ms`;
}

const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'strobe-perf-'));
const level = await openLevel(directory);
try {
  const database = new ChainDatabase(level);
  const blocks = Array.from({ length: BLOCKS }, (_, i) => madeUpBlock(i + 1, TRANSACTIONS_PER_MINI_BLOCK));
  for (const block of blocks) await database.putBlock(block);
  const { record, hash } = blocks.at(-1) as (typeof blocks)[number];
  const head = { header: { ...record.seal.header, number: BLOCKS + MIN_KEPT_BLOCKS }, hash };
  const base = { header: { number: 0 }, lastMiniBlock: 0 };
  const chain = { base, head: () => head, finalizedNumber: () => BLOCKS, subscribe: () => () => {} };
  const log = { firstNumber: () => undefined, read: async function* () {} };
  const pruner = new HistoryPruner({ keepBlocks: 1 }, { database, chain, log });
  console.log(`event loop of the idle process: ${await lateness(() => sleep(IDLE_MS))}`);
  const startedMs = performance.now();
  const late = await lateness(() => pruner.pruneReady(new AbortController().signal));
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(`event loop while pruning: ${late}`);
  console.log(`removed ${((BLOCKS - 1) / seconds).toFixed(1)} blocks/s of ${2 * TRANSACTIONS_PER_MINI_BLOCK} transactions`);
} finally {
  await level.close();
  await rm(directory, { recursive: true, force: true });
}
