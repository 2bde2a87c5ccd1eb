import { expect, onTestFinished, test } from 'vitest';
import { type ArchiveTrieData, startArchiveTrieThread } from '../../../src/node/archive-trie-thread.ts';
import { stateHistoryDirectory } from '../../../src/node/state-history-parts.ts';
import { modelRoots, recentBlockOf } from '../../support/archive-tries.ts';
import { defined } from '../../support/defined.ts';
import { HistoryChain } from '../../support/history-chain.ts';
import { expectProven } from '../../support/proven-state.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

async function createChain(blocks: number) {
  const dataDir = tempDirectory();
  const chain = await HistoryChain.create({ dataDir, seed: 5, keepBlocks: null, memoryBlocks: 3 });
  onTestFinished(() => chain.close());
  for (let i = 0; i < blocks; i++) chain.addBlock(1);
  await chain.feed.idle();
  const roots = modelRoots(chain);
  const requestOf = (number: number) => ({
    block: { number, stateRoot: defined(roots[number]) },
    recent: recentBlockOf(chain),
  });
  const data: Omit<ArchiveTrieData, 'stopping'> = {
    state: chain.table.share(),
    history: { directory: stateHistoryDirectory(dataDir), reach: chain.feed.sharedReach },
  };
  return { chain, data, requestOf };
}

test('a thread goes to old blocks while the owner of the state goes on, and proves them', async () => {
  const { chain, data, requestOf } = await createChain(12);
  const host = startArchiveTrieThread(data);
  onTestFinished(() => host.stop());
  for (const number of [2, 9, 8, 0]) {
    const request = requestOf(number);
    await host.moveTo(request);
    chain.addBlock(1);
    await chain.feed.idle();
    const { stateRoot } = request.block;
    for (const address of chain.addresses()) {
      await expectProven(stateRoot, address, await host.prove({ stateRoot, address, keys: [] }), defined(chain.feed.at(number)));
    }
  }
  const wrong = { block: { number: 3, stateRoot: new Uint8Array(32) }, recent: recentBlockOf(chain) };
  await expect(host.moveTo(wrong)).rejects.toMatchObject({ code: 'ARCHIVE_ROOT_WRONG' });
});

test('a thread that is stopped breaks off the move that it is in, and lets go of the database', async () => {
  const { chain, data, requestOf } = await createChain(12);
  const host = startArchiveTrieThread(data);
  const moves = Promise.allSettled([1, 2, 3].map((number) => host.moveTo(requestOf(number))));
  await host.stop();
  expect((await moves).map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(
    Array(3).fill('THREAD_STOPPED'),
  );
  await chain.close();
});
