/**
 * State-root updates per second over a large state: the arena trie, the pointer trie and @ethereumjs/mpt in one run.
 *
 *   node --max-old-space-size=8192 test/perf/root-updates.ts [accounts [slots [mptKeys]]]
 *
 * Half of the keys of a batch are balances of random accounts, half are slots of one contract. A batch is timed from
 * the decoded diff to the root; making the diff is not. @ethereumjs/mpt gets fewer keys, as building it takes minutes.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { encodeRlp } from '../../src/protocol/rlp.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../src/state/arena/arena-state-trie.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, trimLeadingZeros } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';

const [accounts = 1_000_000, slots = 1_000_000, mptKeys = 20_000] = process.argv.slice(2).map(Number);
const BATCH_SIZES = [1_000, 10_000, 100_000];
/** Each size is measured over this many updates, or two batches. */
const UPDATES_PER_SIZE = 200_000;
const BUILD_BATCH = 20_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Deterministic, so that two runs do the same. */
let state = 0x9e3779b9;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const addressOf = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const slotKeyOf = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index) << 64n));
const TOKEN = new Uint8Array(20).fill(0x70);
const amount = (): bigint => BigInt(1 + random(2 ** 31)) * BigInt(1 + random(2 ** 31));
/** What an account or slot holds at first, 1 to 9 bytes. */
const firstAmount = (index: number): bigint => BigInt(index + 1) ** BigInt(1 + (index % 4));

function slotDiffs(indexes: Iterable<number>, amountOf: (index: number) => bigint): SlotDiff[] {
  return sortSlots(Array.from(indexes, (index) => ({ key: slotKeyOf(index), value: bigIntToBytes32(amountOf(index)) })));
}

/** Diffs that bring a state to its size. */
function* buildDiffs(): Generator<StateDiff> {
  for (let from = 0; from < accounts; from += BUILD_BATCH) {
    const count = Math.min(BUILD_BATCH, accounts - from);
    const made = Array.from({ length: count }, (_, i) => ({
      address: addressOf(from + i),
      nonce: 1n,
      balance: firstAmount(from + i),
    }));
    yield createStateDiff(made, []);
  }
  for (let from = 0; from < slots; from += BUILD_BATCH) {
    const count = Math.min(BUILD_BATCH, slots - from);
    const indexes = Array.from({ length: count }, (_, i) => from + i);
    yield createStateDiff([{ address: TOKEN, nonce: 1n, slots: slotDiffs(indexes, firstAmount) }], []);
  }
}

function batch(size: number): StateDiff {
  const owners = new Set<number>();
  const holders = new Set<number>();
  for (let i = 0; i < size / 2; i++) {
    owners.add(random(accounts));
    holders.add(random(slots));
  }
  const changed: AccountDiff[] = Array.from(owners, (index) => ({ address: addressOf(index), nonce: 2n, balance: amount() }));
  return createStateDiff([...changed, { address: TOKEN, slots: slotDiffs(holders, amount) }], []);
}

function keysOf(diff: StateDiff): number {
  return diff.accounts.reduce((sum, account) => sum + (account.slots?.length ?? 1), 0);
}

interface RootTrie {
  apply(diff: StateDiff): void;
  root(): Bytes;
}

/** Milliseconds of this thread's processor time: what else runs on the machine hardly shows in it. */
function timed(call: () => void): number {
  const start = process.threadCpuUsage();
  call();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1e3;
}

async function timedAsync(call: () => Promise<void>): Promise<number> {
  const start = process.threadCpuUsage();
  await call();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1e3;
}

function build(trie: RootTrie): number {
  let ms = 0;
  for (const diff of buildDiffs()) {
    ms += timed(() => {
      trie.apply(diff);
      trie.root();
    });
  }
  return ms;
}

/** Both tries take turns on every batch, so that a noisy moment hits both. Keys per second. */
function compare(
  arena: ArenaStateTrie,
  pointers: RootTrie,
  size: number,
  inBlocks: boolean,
): { arena: number; pointers: number } {
  let keys = 0;
  let arenaMs = 0;
  let pointersMs = 0;
  const rounds = Math.max(2, Math.ceil(UPDATES_PER_SIZE / size));
  // The first round does not count: it is the one that takes memory from the system.
  for (let round = 0; round <= rounds; round++) {
    const diff = batch(size);
    const counts = round > 0;
    if (counts) keys += keysOf(diff);
    const arenaSpent = timed(() => {
      if (inBlocks) arena.startBlock();
      arena.apply(diff);
      arena.root();
    });
    const pointersSpent = timed(() => {
      pointers.apply(diff);
      pointers.root();
    });
    if (counts) {
      arenaMs += arenaSpent;
      pointersMs += pointersSpent;
    }
    if (!bytesEqual(arena.root(), pointers.root())) throw new StrobeError('BENCH_ROOT_MISMATCH', 'the tries disagree');
  }
  return { arena: perSecond(keys, arenaMs), pointers: perSecond(keys, pointersMs) };
}

function perSecond(keys: number, ms: number): number {
  return Math.round((keys / ms) * 1000);
}

/** Puts into one storage-like trie of @ethereumjs/mpt; keys per second from scratch, and for updates in batches of 1,000. */
async function measureMpt(): Promise<{ build: number; update: number }> {
  const trie = new MerklePatriciaTrie({ useKeyHashing: true });
  const put = async (index: number): Promise<void> => {
    await trie.put(slotKeyOf(index), encodeRlp(trimLeadingZeros(bigIntToBytes32(amount()))));
  };
  const buildMs = await timedAsync(async () => {
    for (let i = 0; i < mptKeys; i++) await put(i);
  });
  const updateMs = await timedAsync(async () => {
    for (let i = 0; i < 1_000; i++) await put(random(mptKeys));
  });
  return { build: perSecond(mptKeys, buildMs), update: perSecond(1_000, updateMs) };
}

function heapBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

async function main(): Promise<void> {
  const millions = (accounts + slots) / 1e6;
  const arena = new ArenaStateTrie();
  const arenaMs = build(arena);
  const usage = arena.usage();
  print(`arena: ${accounts} accounts and ${slots} slots built in ${(arenaMs / 1e3).toFixed(1)} s`);
  print(`arena: ${inMegabytes(usage.usedBytes / millions)} MB per million keys (${usage.branches} branches)`);
  const before = heapBytes();
  const pointers = StateTrie.empty();
  const pointersMs = build(pointers);
  print(
    `pointer trie: built in ${(pointersMs / 1e3).toFixed(1)} s, ${inMegabytes((heapBytes() - before) / millions)} MB per million keys`,
  );
  print(`arena root ${bytesEqual(arena.root(), pointers.root()) ? 'equals' : 'DIFFERS FROM'} the pointer trie's`);
  const mpt = await measureMpt();
  print(`@ethereumjs/mpt with ${mptKeys} keys: ${mpt.build} keys/s from scratch, ${mpt.update} updates/s`);
  print('| batch | arena, keys/s | arena, a block each | pointer trie | ratio |');
  print('|---|---|---|---|---|');
  const plain = BATCH_SIZES.map((size) => compare(arena, pointers, size, false));
  for (const [i, size] of BATCH_SIZES.entries()) {
    const inBlocks = compare(arena, pointers, size, true);
    const ratio = (inBlocks.arena / inBlocks.pointers).toFixed(1);
    print(`| ${size} | ${plain[i]?.arena} | ${inBlocks.arena} | ${inBlocks.pointers} | ${ratio} |`);
  }
  print(`arena after the blocks: ${inMegabytes(arena.usage().usedBytes / millions)} MB per million keys`);
}

await main();
