import { expect, test } from 'vitest';
import type { BlockHeader } from '../../../src/protocol/block-header.ts';
import type { ChainReader, IndexedTransaction } from '../../../src/protocol/ports/chain.ts';
import { rewardsAt, tipStepsOf } from '../../../src/rpc/block-tips.ts';
import { FeeOracle } from '../../../src/rpc/fee-oracle.ts';
import { defined } from '../../support/defined.ts';
import { FakeChain } from '../../support/fake-backend.ts';

const BASE_FEE = 1_000n;

/** A transaction that paid a tip for its gas. */
function paid(tip: bigint, gasUsed: bigint): IndexedTransaction {
  const transaction = { maxFeePerGas: BASE_FEE + tip, maxPriorityFeePerGas: tip };
  return { transaction, gasUsed } as unknown as IndexedTransaction;
}

test('tips at percentiles are those of the transaction that used the gas there', () => {
  const transactions = [paid(5n, 30n), paid(1n, 10n), paid(5n, 20n), paid(9n, 40n)];
  const steps = tipStepsOf(transactions, BASE_FEE);
  expect(steps).toEqual([
    { tip: 1n, gasUpTo: 10n },
    { tip: 5n, gasUpTo: 60n },
    { tip: 9n, gasUpTo: 100n },
  ]);
  expect(rewardsAt(steps, 100n, [0, 10, 10.5, 11, 60, 61, 100])).toEqual([1n, 1n, 1n, 5n, 5n, 9n, 9n]);
  expect(rewardsAt([], 0n, [0, 50])).toEqual([0n, 0n]);
});

test('transactions of a full block are looked at once, however often a tip is asked for, and not at all for base fees', async () => {
  const head = defined(new FakeChain().blocks[0]);
  const header: BlockHeader = { ...head.header, number: 1, baseFeePerGas: BASE_FEE, gasUsed: 100n, gasLimit: 100n };
  let looks = 0;
  const block = {
    ...{ header, hash: head.hash },
    get transactions() {
      looks++;
      return [paid(2_000_000n, 100n)];
    },
  };
  const chain = {
    head: () => block,
    openBlock: () => undefined,
    sealOf: async () => ({ header }),
    blockByNumber: async () => block,
  } as unknown as ChainReader;
  const oracle = new FeeOracle({ baseFeeFloorWei: 1n }, { chain });
  expect(await oracle.feesOf(1, false)).toEqual({ baseFeePerGas: BASE_FEE, gasUsed: 100n, gasLimit: 100n, tips: [] });
  expect(looks).toBe(0);
  for (let i = 0; i < 5; i++) expect(await oracle.suggestTip()).toBe(2_200_000n);
  expect(looks).toBe(1);
});
