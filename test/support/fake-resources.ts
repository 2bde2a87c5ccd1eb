import type { BlockResources, ResourceReader } from '../../src/protocol/ports/resources.ts';

/** Counts that are told apart by their values. */
export const FAKE_BLOCK_RESOURCES: BlockResources = {
  ...{ blockNumber: 3, miniBlocks: 4, transactions: 5, gasUsed: 105_000n, transactionBytes: 560, diffBytes: 77 },
  ...{ accountsWritten: 8, slotsWritten: 9, newAccounts: 2, newSlots: 1 },
};

export function fakeResources(openBlock: BlockResources | undefined): ResourceReader {
  return {
    maxTransactionGas: 16_000_000n,
    read: async () => ({ openBlock, sealedBlock: undefined, accounts: 1_000, slots: 30_000 }),
  };
}
