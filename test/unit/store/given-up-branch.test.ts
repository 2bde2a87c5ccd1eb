import { expect, test } from 'vitest';
import { beginChainAt } from '../../../src/store/open-chain-store.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

/** Two blocks that both branches have. */
function builtTrunk(): ChainBuilder {
  const builder = new ChainBuilder();
  for (let i = 0; i < 2; i++) builder.block();
  return builder;
}

/** A branch that is given up for a snapshot of another one's block 3: its third block has many mini-blocks. */
function builtBranch(): ChainBuilder {
  const builder = builtTrunk();
  for (let i = 0; i < 6; i++) builder.miniBlock([builder.transfer(0, BigInt(i))]);
  builder.seal();
  return builder;
}

/** The branch that goes on: what the other one took in its third block it takes in its fifth. */
function builtChain(): ChainBuilder {
  const builder = builtTrunk();
  for (let i = 0; i < 2; i++) {
    builder.miniBlock();
    builder.seal();
  }
  for (let i = 0; i < 6; i++) builder.miniBlock([builder.transfer(0, BigInt(i))]);
  builder.seal();
  return builder;
}

const NO_LOG = { firstNumber: () => undefined, read: async function* () {} };

test('when a branch that was given up is removed, what came again since stays', async () => {
  const directory = tempDirectory();
  const [branch, chain] = [builtBranch(), builtChain()];
  const before = await openTestStore(branch, { directory });
  await addBlocks(before, branch.blocks);
  await before.markSafe(2);
  await before.close();
  await beginChainAt(chain.blockAt(4).seal, directory, []);

  const store = await openTestStore(chain, { directory, recentTransactions: 1 });
  await addBlocks(store, chain.blocks.slice(4));
  chain.block();
  await addBlocks(store, chain.blocks.slice(5));
  await store.pruner({ keepBlocks: 1 }, NO_LOG).pruneReady(new AbortController().signal);
  expect((await store.blockByNumber(5))?.transactions).toHaveLength(6);
  for (const { decoded } of chain.blockAt(5).miniBlocks) {
    const { hash } = defined(decoded[0]);
    expect((await store.transactionByHash(hash))?.blockNumber).toBe(5);
  }
  await store.close();
});
