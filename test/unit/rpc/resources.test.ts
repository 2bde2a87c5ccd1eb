import { expect, test } from 'vitest';
import { MAX_TRANSACTION_BYTES, MINI_BLOCK_GAS } from '../../../src/protocol/limits.ts';
import { RpcHarness } from '../../support/rpc-harness.ts';

test('limits, what the newest blocks took and the size of the state, all as quantities', async () => {
  const harness = await new RpcHarness().start();
  try {
    const { limits, ...usage } = await harness.result('strobe_resources');
    expect(limits).toEqual({
      transaction: { gas: '0xf42400', bytes: `0x${MAX_TRANSACTION_BYTES.toString(16)}` },
      miniBlock: { gas: `0x${MINI_BLOCK_GAS.toString(16)}`, transactions: '0x4e20', bodyBytes: '0x61a80', diffBytes: '0x13d620' },
      block: { gas: (await harness.result('eth_getBlockByNumber', 'latest', false)).gasLimit },
    });
    expect(usage).toEqual({
      openBlock: {
        ...{ blockNumber: '0x3', miniBlocks: '0x4', transactions: '0x5', gasUsed: '0x19a28', transactionBytes: '0x230' },
        ...{ diffBytes: '0x4d', accountsWritten: '0x8', slotsWritten: '0x9', newAccounts: '0x2', newSlots: '0x1' },
      },
      sealedBlock: null,
      state: { accounts: '0x3e8', slots: '0x7530' },
    });
  } finally {
    await harness.stop();
  }
});
