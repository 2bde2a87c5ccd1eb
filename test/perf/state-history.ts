/**
 * What a history of the state costs and gives: bytes on disk per changed key, how fast blocks are stored and how late the
 * core thread is meanwhile, and reads of old states beside reads of the newest one.
 * `node test/perf/state-history.ts [blocks] [transfers per block] [directory]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { Lifecycle } from '../../src/node/lifecycle.ts';
import { StoredHistory } from '../../src/node/state-history-parts.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { BlockEnd } from '../../src/protocol/ports/history.ts';
import type { StateView } from '../../src/protocol/ports/state.ts';
import { createStateDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { openLevel } from '../../src/store/level-database.ts';
import { bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';

const HOLDERS = 200_000;
const READS = 50_000;
/** Slots that change in every block, as a pool's reserves do. */
const HOT = 4;
const [blocks = 60, transfers = 10_000] = process.argv.slice(2, 4).map(Number);
const token = new Uint8Array(20).fill(0x70);
const random = new SeededRandom(1);
const keys = Array.from({ length: HOLDERS + HOT }, (_, i) => keccak256(bigIntToBytes32(BigInt(i))));
const end = (number: number): BlockEnd => ({
  blockNumber: number,
  lastNumber: number,
  lastDigest: bigIntToBytes32(BigInt(number)),
});

/** Balances of random holders, and the hot slots. */
function transferDiff(number: number): StateDiff {
  const changed = new Set(Array.from({ length: HOT }, (_, i) => HOLDERS + i));
  for (let i = 0; i < transfers * 2; i++) changed.add(random.below(HOLDERS));
  const value = bigIntToBytes32(10n ** 20n + BigInt(number) * 10n ** 15n);
  const slots = sortSlots([...changed].map((holder) => ({ key: defined(keys[holder]), value })));
  return createStateDiff([{ address: token, nonce: BigInt(number + 1), slots }], []);
}

async function lateness<Result>(name: string, action: () => Promise<Result>): Promise<Result> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const result = await action();
  delay.disable();
  const [p50, p99] = [50, 99].map((percent) => (delay.percentile(percent) / 1e6).toFixed(1));
  console.log(`event loop ${name}: p50 ${p50} ms, p99 ${p99} ms, most ${(delay.max / 1e6).toFixed(1)} ms`);
  return result;
}

function measureReads(name: string, viewOf: () => StateView, keyOf: () => Uint8Array, count = READS): void {
  const startedMs = performance.now();
  for (let i = 0; i < count; i++) viewOf().getStorage(token, keyOf());
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(`${name}: ${Math.round(count / seconds)} reads/s, ${((seconds / count) * 1e6).toFixed(1)} µs each`);
}

async function bytesOnDisk(directory: string): Promise<number> {
  const level = await openLevel(join(directory, 'state-history'));
  const [first, last] = [Uint8Array.of(0), Uint8Array.of(6)];
  // What is still in the database's own log has no size in it.
  await level.compactRange(first, last);
  const bytes = await level.approximateSize(first, last);
  await level.close();
  return bytes;
}

const directory = await mkdtemp(join(process.argv[4] ?? tmpdir(), 'strobe-perf-'));
const logger = createLogger({ level: 'error', format: 'json' });
const life = new Lifecycle(logger);
try {
  const all = sortSlots(keys.map((key) => ({ key, value: bigIntToBytes32(10n ** 20n) })));
  const genesis = createStateDiff([{ address: token, nonce: 1n, slots: all }], []);
  const [plain, table] = [new StateTable(), new StateTable()];
  for (const each of [plain, table]) each.apply(genesis, 0);
  const sealed = (number: number) => ({ header: { number } });
  const store = { base: sealed(0), genesisHash: end(0).lastDigest, sealedHead: () => sealed(0), sealOf: async () => undefined };
  const modules = { store: store as unknown as Parameters<typeof StoredHistory.open>[1]['store'], logger, life };
  const stored = defined(await StoredHistory.open({ dataDir: directory, stateHistory: 'archive' }, modules));
  const feed = await stored.follow(table, end(0));

  const diffs = Array.from({ length: blocks }, (_, i) => transferDiff(i + 1));
  const changes = diffs.reduce((sum, { accounts }) => sum + 1 + defined(accounts[0]?.slots).length, 0);
  await lateness('while blocks are applied', async () => {
    for (const [i, diff] of diffs.entries()) {
      plain.apply(diff, i + 1);
      plain.release(i + 1);
      await nextTurn();
    }
  });
  let addMs = 0;
  const startedMs = performance.now();
  await lateness('while they are applied and stored', async () => {
    for (const [i, diff] of diffs.entries()) {
      table.apply(diff, i + 1);
      const beforeMs = performance.now();
      feed.add(end(i + 1));
      table.release(Math.min(i + 1, feed.retainFrom));
      addMs += performance.now() - beforeMs;
      await feed.room();
      await nextTurn();
    }
    await feed.idle();
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(`${changes} changed keys in ${blocks} blocks: ${Math.round(changes / seconds)} keys/s with their application`);
  console.log(`sealing: ${((addMs / blocks) * 1_000).toFixed(0)} µs a block on the core thread`);

  const anyKey = () => defined(keys[random.below(HOLDERS)]);
  const anyBlock = () => random.below(blocks);
  measureReads('newest state', () => table, anyKey);
  const at = Array.from({ length: blocks }, (_, i) => defined(feed.at(i)));
  measureReads('any block', () => defined(at[anyBlock()]), anyKey);
  measureReads(
    'any block, a key that each of them changes',
    () => defined(at[anyBlock()]),
    () => defined(keys[HOLDERS]),
  );
  measureReads('the oldest block', () => defined(at[0]), anyKey);
  await life.stop();
  console.log(`${((await bytesOnDisk(directory)) / changes).toFixed(1)} bytes on disk per changed key`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
