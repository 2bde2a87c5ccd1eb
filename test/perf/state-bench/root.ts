import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { encodeRlp } from '../../../src/protocol/rlp.ts';
import { countDiffKeys, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../../src/state/arena/arena-state-trie.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, trimLeadingZeros } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { DiffFiles } from './diff-files.ts';
import { createLoad } from './load-chain.ts';
import { type Figure, progress, type StepContext } from './step.ts';
import { timed, timedAsync } from './stopwatch.ts';

/** Keys of a batch, and what was set out for: on one thread, by the two prototypes. */
const BATCHES: readonly (readonly [number, string])[] = [
  [1_000, '268k to 328k'],
  [10_000, '351k to 436k'],
  [100_000, '507k to 665k'],
];
/** An ERC-20 transfer between any two changes the sender and two slots. */
const KEYS_PER_TRANSFER = 3;
/** Each size is measured over this many keys, or two batches. */
const KEYS_PER_SIZE = 200_000;

/** Timed together: tens of ms, many times the resolution of processor time. */
const KEYS_AT_ONCE = 20_000;
/** The list of diffs in front of the batches. */
const SETUP = 'setup';

const MPT_BATCH = 1_000;
const MPT_ROUNDS = 20;
const TOKEN = new Uint8Array(20).fill(0x70);

/** Leaves diffs that bring a state to its size, and batches of updates. */
export function prepareRoot({ sizes, directory }: StepContext): Figure[] {
  const load = createLoad('erc20', sizes.holders, 'uniform');
  new DiffFiles(directory, SETUP).write(load.setup());
  for (const [size] of BATCHES) {
    const count = Math.max(2, Math.ceil(KEYS_PER_SIZE / size));
    const transactions = Math.round(size / KEYS_PER_TRANSFER);
    new DiffFiles(directory, `${size}`).write(Array.from({ length: count }, () => load.next(transactions)));
    progress(`made ${count} batches of ${size} updates`);
  }
  return [];
}

/** State roots of batches of updates, a block each; and the same updates by @ethereumjs/mpt. */
export async function measureRoot({ sizes, directory }: StepContext): Promise<Figure[]> {
  return [...updatesOfLarge(directory), ...(await compareWithMpt(sizes.mptKeys))];
}

function updatesOfLarge(directory: string): Figure[] {
  const trie = new ArenaStateTrie();
  for (const diff of new DiffFiles(directory, SETUP).read()) update(trie, diff);
  const { accounts, slots } = trie.usage();
  progress(`trie of ${accounts} accounts and ${slots} slots made`);
  return BATCHES.map(([size, target]): Figure => {
    let keys = 0;
    let seconds = 0;
    for (const diffs of inGroups(new DiffFiles(directory, `${size}`).read(), Math.ceil(KEYS_AT_ONCE / size))) {
      keys += diffs.reduce((sum, diff) => sum + countDiffKeys(diff), 0);
      seconds += timed(() => {
        for (const diff of diffs) {
          trie.startBlock();
          update(trie, diff);
        }
      });
    }
    progress(`batches of ${size}: ${Math.round(keys / seconds)} keys/s`);
    return {
      name: `root, ${size.toLocaleString('en')} keys a batch`,
      value: keys / seconds,
      unit: 'keys/s',
      target,
      note: `${inMillions(accounts)} accounts and ${inMillions(slots)} slots, one thread`,
    };
  });
}

function* inGroups<Item>(items: Iterable<Item>, size: number): Generator<Item[], void, undefined> {
  let group: Item[] = [];
  for (const item of items) {
    if (group.push(item) < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function update(trie: ArenaStateTrie, diff: StateDiff): Bytes {
  trie.apply(diff);
  return trie.root();
}

const inMillions = (count: number): string => `${(count / 1e6).toFixed(2)}M`;

/** Both tries hold the same slots and get the same updates. */
async function compareWithMpt(keys: number): Promise<Figure[]> {
  const tries = new TriePair();
  const stride = Math.max(1, Math.floor(keys / MPT_BATCH));
  await tries.update(Array.from({ length: stride }, (_, i) => slotsAt(i, keys, stride, 1)));
  progress(`trie of @ethereumjs/mpt with ${keys} slots made`);
  const batches = Array.from({ length: MPT_ROUNDS }, (_, round) => slotsAt(round % stride, keys, stride, round + 2));
  const count = batches.reduce((sum, batch) => sum + batch.length, 0);
  const seconds = await tries.update(batches);
  const state = `${keys.toLocaleString('en')} slots, ${MPT_BATCH.toLocaleString('en')} keys a batch`;
  return [
    {
      name: `@ethereumjs/mpt, ${state}`,
      value: count / seconds.mpt,
      unit: 'keys/s',
      target: '3k to 5k',
      note: 'with the same hash function',
    },
    {
      name: `root, ${state}`,
      value: count / seconds.arena,
      unit: 'keys/s',
      note: `${(seconds.mpt / seconds.arena).toFixed(0)} times; the same updates, the same root`,
    },
  ];
}

class TriePair {
  readonly #arena = new ArenaStateTrie();
  readonly #mpt = new MerklePatriciaTrie({ useKeyHashing: true, useKeyHashingFunction: keccak256 });

  /**
   * Processor seconds that each takes.
   * @throws StrobeError BENCH_ROOT_MISMATCH when they come to different roots
   */
  async update(batches: readonly (readonly SlotDiff[])[]): Promise<{ readonly arena: number; readonly mpt: number }> {
    const diffs = batches.map((slots) => createStateDiff([{ address: TOKEN, nonce: 1n, slots: sortSlots([...slots]) }], []));
    const arena = timed(() => {
      for (const diff of diffs) update(this.#arena, diff);
    });
    const puts = batches.flat().map(({ key, value }) => [key, encodeRlp(trimLeadingZeros(value))] as const);
    const mpt = await timedAsync(async () => {
      for (const [key, value] of puts) await this.#mpt.put(key, value);
    });
    if (bytesEqual(defined(this.#arena.account(TOKEN)).storageRoot, this.#mpt.root())) return { arena, mpt };
    throw new StrobeError('BENCH_ROOT_MISMATCH', 'the tries come to different roots');
  }
}

/** Every `stride`-th slot: keys as those of a mapping, values of up to 18 bytes that differ by `salt`. */
function slotsAt(first: number, end: number, stride: number, salt: number): SlotDiff[] {
  const slots: SlotDiff[] = [];
  for (let index = first; index < end; index += stride) {
    slots.push({
      key: keccak256(bigIntToBytes32(BigInt(index) << 64n)),
      value: bigIntToBytes32(BigInt(index + 1) * BigInt(salt) * 10n ** BigInt(index % 28)),
    });
  }
  return slots;
}
