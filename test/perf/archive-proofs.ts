/**
 * What proofs of old blocks cost: `node test/perf/archive-proofs.ts [--keys 1000000] [--blocks 1000] [--changes 2000] [directory]`.
 * Half of the keys are accounts, half are slots of one contract; each block changes `--changes` of them. Printed are how
 * long the first proof of the oldest block takes, with the loading of the trie, then proofs of the same block, of its
 * neighbours and of the newest block, and what the trie takes of memory. The load is compared with a start of the trie
 * that follows the chain.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { startArchiveTrieThread } from '../../src/node/archive-trie-thread.ts';
import { Lifecycle } from '../../src/node/lifecycle.ts';
import { StoredHistory, stateHistoryDirectory } from '../../src/node/state-history-parts.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { BlockEnd } from '../../src/protocol/ports/history.ts';
import { EMPTY_CODE_HASH, type Hash } from '../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../src/state/arena/arena-state-trie.ts';
import { startProofTrieThread } from '../../src/state/proof-trie.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { type Bytes, bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';

const { values, positionals } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    blocks: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '2000' },
  },
  allowPositionals: true,
});
const [keys, blocks, changes] = [values.keys, values.blocks, values.changes].map(Number) as [number, number, number];
const half = keys / 2;
const PROOFS = 1_000;
const PIECE = 10_000;
const random = new SeededRandom(1);

const address = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const CONTRACT = address(-1 >>> 0);
const slotKey = (index: number): Hash => keccak256(bigIntToBytes32(BigInt(index)));
const account = (index: number, nonce: number): AccountDiff => ({
  ...{ address: address(index), nonce: BigInt(nonce), balance: 10n ** 18n, codeHash: EMPTY_CODE_HASH },
});
const end = (number: number): BlockEnd => ({
  ...{ blockNumber: number, lastNumber: number, lastDigest: bigIntToBytes32(BigInt(number)) },
});

function diffOf(accounts: readonly number[], slots: readonly number[], nonce: number): StateDiff {
  const value = bigIntToBytes32(10n ** 20n + BigInt(nonce));
  const contract = { address: CONTRACT, nonce: 1n, slots: sortSlots(slots.map((i) => ({ key: slotKey(i), value }))) };
  return createStateDiff([...accounts.map((i) => account(i, nonce)), contract], []);
}

function* genesis(): Iterable<StateDiff> {
  for (let from = 0; from < half; from += PIECE) {
    const range = Array.from({ length: Math.min(PIECE, half - from) }, (_, i) => from + i);
    yield diffOf(range, range, 1);
  }
}

function some(count: number): number[] {
  return [...new Set(Array.from({ length: count }, () => random.below(half)))];
}

const directory = await mkdtemp(join(positionals[0] ?? tmpdir(), 'strobe-perf-'));
const life = new Lifecycle(createLogger({ level: 'error', format: 'json' }));
try {
  const [table, model] = [new StateTable(), new ArenaStateTrie()];
  for (const diff of genesis()) {
    table.apply(diff, table.number + 1);
    model.apply(diff);
  }
  const first = table.number;
  const sealed = { header: { number: 0 } };
  const store = { base: sealed, genesisHash: end(0).lastDigest, sealedHead: () => sealed, sealOf: async () => undefined };
  const modules = {
    store: store as unknown as Parameters<typeof StoredHistory.open>[1]['store'],
    logger: createLogger({ level: 'error', format: 'json' }),
    life,
  };
  const stored = defined(await StoredHistory.open({ dataDir: directory, stateHistory: 'archive' }, modules));
  const begin = { ...end(0), lastNumber: first };
  const feed = await stored.follow(table, begin);
  const roots = [model.root()];
  for (let block = 1; block <= blocks; block++) {
    const diff = diffOf(some(changes / 2), some(changes / 2), block + 1);
    table.apply(diff, first + block);
    model.apply(diff);
    roots.push(model.root());
    feed.add({ ...end(block), lastNumber: first + block });
    table.release(Math.min(first + block - 1, feed.retainFrom));
    await feed.room();
    await nextTurn();
  }
  await feed.idle();
  console.log(`${keys} keys, ${blocks} blocks of ${changes} changes`);

  const follower = startProofTrieThread({ blocks: 1 });
  let startedMs = performance.now();
  await follower.load(table.share());
  await follower.endBlock();
  const followerMs = performance.now() - startedMs;
  console.log(`loading the trie that follows the chain: ${followerMs.toFixed(0)} ms`);
  await follower.stop();

  const recent = { blockNumber: blocks, moment: defined(table.momentAt(first + blocks)) };
  const host = startArchiveTrieThread({
    state: table.share(),
    history: { directory: stateHistoryDirectory(directory), reach: feed.sharedReach },
  });
  const proveOne = (block: number) => {
    const keyList = [slotKey(random.below(half))];
    return host.prove({ stateRoot: defined(roots[block]), address: CONTRACT, keys: keyList });
  };
  const proveAt = async (name: string, block: number): Promise<number> => {
    startedMs = performance.now();
    const report = await host.moveTo({ block: { number: block, stateRoot: defined(roots[block]) }, recent });
    await proveOne(block);
    const ms = performance.now() - startedMs;
    const mib = (report.trieBytes / 2 ** 20).toFixed(0);
    console.log(`${name}, block ${block}: ${ms.toFixed(1)} ms, ${report.changedKeys} changed keys, trie ${mib} MiB`);
    return ms;
  };
  const firstMs = await proveAt('first proof', 1);
  console.log(`  ${(firstMs / followerMs).toFixed(2)} times the load of the trie that follows`);
  startedMs = performance.now();
  for (let i = 0; i < PROOFS; i++) await proveOne(1);
  console.log(`further proofs of the same block: ${((performance.now() - startedMs) / PROOFS).toFixed(3)} ms each`);
  await proveAt('the next block', 2);
  await proveAt('the one behind it', 3);
  await proveAt('back again', 2);
  await proveAt('ten blocks on', 12);
  await proveAt('the newest block', blocks);
  await proveAt('the oldest block', 0);
  await proveAt('the middle', Math.floor(blocks / 2));
  startedMs = performance.now();
  await host.stop();
  console.log(`stopped in ${(performance.now() - startedMs).toFixed(0)} ms`);
  await life.stop();
} finally {
  await rm(directory, { recursive: true, force: true });
}
