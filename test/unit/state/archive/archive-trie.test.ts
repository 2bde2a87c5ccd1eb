import { expect, onTestFinished, test } from 'vitest';
import type { StoredMoment } from '../../../../src/protocol/ports/history.ts';
import type { ArchiveTrieModules } from '../../../../src/state/archive/archive-trie.ts';
import { StrobeError } from '../../../../src/util/errors.ts';
import { expectBlockProven, modelRoots, openArchiveTrie, recentBlockOf } from '../../../support/archive-tries.ts';
import { HistoryChain, type HistoryChainOptions } from '../../../support/history-chain.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';
import { tempDirectory } from '../../../support/temp-directory.ts';

async function createChain(blocks: number, options: Partial<HistoryChainOptions> = {}) {
  const dataDir = tempDirectory();
  const chain = await HistoryChain.create({ dataDir, seed: 3, keepBlocks: null, memoryBlocks: 3, ...options });
  onTestFinished(() => chain.close());
  const add = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) chain.addBlock(1);
    await chain.feed.idle();
  };
  await add(blocks);
  const openTrie = (change?: (modules: ArchiveTrieModules) => Partial<ArchiveTrieModules>) =>
    openArchiveTrie(chain, dataDir, change);
  const requestOf = (number: number) => {
    const stateRoot = modelRoots(chain)[number] ?? new Uint8Array(32);
    return { block: { number, stateRoot }, recent: recentBlockOf(chain) };
  };
  return { chain, add, openTrie, requestOf };
}

test('a block whose stored state does not have the root of its header is not proven, and the next one is', async () => {
  const { chain, openTrie, requestOf } = await createChain(8);
  const trie = await openTrie();
  const { block, recent } = requestOf(4);
  trie.moveTo({ block, recent });
  const stateRoot = new Uint8Array(32).fill(7);
  expect(strobeCodeOf(() => trie.moveTo({ block: { number: 5, stateRoot }, recent }))).toBe('ARCHIVE_ROOT_WRONG');
  for (const root of [stateRoot, block.stateRoot]) {
    const request = { stateRoot: root, address: new Uint8Array(20), keys: [] };
    expect(strobeCodeOf(() => trie.prove(request))).toBe('PROOF_NOT_AVAILABLE');
  }
  expect(trie.moveTo(requestOf(4)).loadedKeys).toBeGreaterThan(0);
  await expectBlockProven(chain, trie, 4, block.stateRoot);
});

test('a trie of undone blocks is not gone on from, nor one of blocks that are stored no more', async () => {
  const undone = await createChain(8);
  const trie = await undone.openTrie();
  trie.moveTo(undone.requestOf(7));
  undone.chain.rollback(3);
  await undone.add(6);
  expect(trie.moveTo(undone.requestOf(9)).loadedKeys).toBeGreaterThan(0);
  await expectBlockProven(undone.chain, trie, 6, undone.requestOf(6).block.stateRoot);

  const pruned = await createChain(8, { keepBlocks: 4 });
  const old = await pruned.openTrie();
  old.moveTo(pruned.requestOf(4));
  await pruned.add(3);
  expect(old.moveTo(pruned.requestOf(8)).loadedKeys).toBeGreaterThan(0);
  expect(strobeCodeOf(() => old.moveTo(pruned.requestOf(4)))).toBe('STATE_FORGOTTEN');
});

test('a rollback under way ends the move without a verdict on the root', async () => {
  const { chain, openTrie, requestOf } = await createChain(12);
  const request = requestOf(3);
  let rollsBack = true;
  const trie = await openTrie(({ openStored }) => ({
    openStored: () => {
      const stored = openStored();
      if (rollsBack) chain.feed.rollback(chain.blocks[10] ?? chain.head);
      rollsBack = false;
      return stored;
    },
  }));
  expect(strobeCodeOf(() => trie.moveTo(request))).toBe('STATE_FORGOTTEN');
});

test('a move that was broken off goes on from where it is, to any block', async () => {
  const { chain, openTrie, requestOf } = await createChain(30);
  let looksLeft = Number.POSITIVE_INFINITY;
  const countDown = (): void => {
    if (looksLeft-- <= 0) throw new StrobeError('STATE_FORGOTTEN', 'the recent state is gone');
  };
  const trie = await openTrie(({ openStored }) => ({
    openStored: () => listening(openStored(), countDown),
  }));
  trie.moveTo(requestOf(28));
  for (const [from, aim, to] of [
    [28, 20, 24],
    [24, 27, 26],
    [26, 22, 29],
    [29, 21, 20],
  ] as const) {
    await expectBlockProven(chain, trie, from, requestOf(from).block.stateRoot);
    looksLeft = 2;
    expect(strobeCodeOf(() => trie.moveTo(requestOf(aim)))).toBe('STATE_FORGOTTEN');
    looksLeft = Number.POSITIVE_INFINITY;
    expect(trie.moveTo(requestOf(to)).loadedKeys).toBe(0);
    await expectBlockProven(chain, trie, to, requestOf(to).block.stateRoot);
  }
});

test('over many blocks every key is looked up, over few the lists of the blocks', async () => {
  const { chain, openTrie, requestOf } = await createChain(120);
  let lists = 0;
  const trie = await openTrie(({ openStored }) => ({
    openStored: () =>
      listening(openStored(), () => {
        lists++;
      }),
  }));
  for (const [block, read] of [
    [2, 0],
    [5, 3],
    [4, 1],
    [119, 0],
    [0, 0],
    [120, 0],
  ] as const) {
    lists = 0;
    await expectBlockProven(chain, trie, block, requestOf(block).block.stateRoot);
    expect(lists).toBe(read);
  }
});

test('a move ends when whoever waits for it does not any more', async () => {
  const { openTrie, requestOf } = await createChain(4);
  const trie = await openTrie(() => ({ isStopping: () => true }));
  expect(strobeCodeOf(() => trie.moveTo(requestOf(2)))).toBe('THREAD_STOPPED');
});

/** Tells of every list that is read. */
function listening(stored: StoredMoment, onList: () => void): StoredMoment {
  return {
    reach: stored.reach,
    find: (kind, row, blockNumber) => stored.find(kind, row, blockNumber),
    changesOf: (blockNumber) => {
      onList();
      return stored.changesOf(blockNumber);
    },
    valueBefore: (kind, row, ordinal) => stored.valueBefore(kind, row, ordinal),
    lastChange: (kind, row) => stored.lastChange(kind, row),
    close: () => stored.close(),
  };
}
