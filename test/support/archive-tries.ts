import { expect, onTestFinished } from 'vitest';
import { stateHistoryDirectory } from '../../src/node/state-history-parts.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import { ArchiveTrie, type ArchiveTrieModules, type RecentBlock } from '../../src/state/archive/archive-trie.ts';
import { HistoryReach } from '../../src/state/history-reach.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { TableReader } from '../../src/state/table/table-reader.ts';
import { HistoryReader } from '../../src/store/state-history/history-reader.ts';
import { bigIntToBytes32 } from '../../src/util/bytes.ts';
import { defined } from './defined.ts';
import type { HistoryChain } from './history-chain.ts';
import { expectProven } from './proven-state.ts';

/** Keys that a {@link HistoryChain} stores under, and one that it never does. */
const KEYS = Array.from({ length: 13 }, (_, i) => bigIntToBytes32(BigInt(i)));

/** State roots of a chain's blocks by number, of a model trie that was fed with the diffs one after the other. */
export function modelRoots({ blocks }: Pick<HistoryChain, 'blocks'>): Hash[] {
  const model = StateTrie.empty();
  return blocks.map(({ diffs }) => {
    for (const diff of diffs) model.apply(diff);
    return model.root();
  });
}

/** The newest stored block. */
export function recentBlockOf({ feed, table }: HistoryChain): RecentBlock {
  const { blockNumber, lastNumber } = feed.newest;
  return { blockNumber, moment: defined(table.momentAt(lastNumber)) };
}

/** A trie on the calling thread that travels in a chain's history. */
export async function openArchiveTrie(
  chain: HistoryChain,
  dataDir: string,
  change: (modules: ArchiveTrieModules) => Partial<ArchiveTrieModules> = () => ({}),
): Promise<ArchiveTrie> {
  const stored = await HistoryReader.open(stateHistoryDirectory(dataDir));
  onTestFinished(() => stored.close());
  const modules: ArchiveTrieModules = {
    reader: TableReader.attach(chain.table.share()),
    openStored: () => stored.moment(),
    reach: HistoryReach.attach(chain.feed.sharedReach),
    isStopping: () => false,
  };
  return new ArchiveTrie({ ...modules, ...change(modules) });
}

/** What the trie proves of a block is what the history reads of it, and leads to the model's root. */
export async function expectBlockProven(chain: HistoryChain, trie: ArchiveTrie, number: number, stateRoot: Hash): Promise<void> {
  trie.moveTo({ block: { number, stateRoot }, recent: recentBlockOf(chain) });
  const view = defined(chain.feed.at(number));
  for (const address of chain.addresses()) {
    await expectProven(stateRoot, address, trie.prove({ stateRoot, address, keys: KEYS }), view);
  }
  expect(chain.read(number)).toEqual(chain.expected(number));
}
