import {
  MAX_DIFF_PAYLOAD_BYTES,
  MAX_MINI_BLOCK_TRANSACTIONS,
  MAX_TRANSACTION_BYTES,
  MINI_BLOCK_BODY_BYTES,
  MINI_BLOCK_GAS,
} from '../../protocol/limits.ts';
import type { BlockResources } from '../../protocol/ports/resources.ts';
import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

const MINI_BLOCK_LIMITS = {
  gas: quantity(MINI_BLOCK_GAS),
  transactions: quantity(MAX_MINI_BLOCK_TRANSACTIONS),
  bodyBytes: quantity(MINI_BLOCK_BODY_BYTES),
  diffBytes: quantity(MAX_DIFF_PAYLOAD_BYTES),
};

/** What transactions, mini-blocks and blocks may take, what the newest blocks took, and the size of the state. */
export const strobeResources: RpcMethod<undefined> = {
  name: 'strobe_resources',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend: { chain, resources } }) => {
    const { openBlock, sealedBlock, accounts, slots } = await resources.read();
    return {
      limits: {
        transaction: { gas: quantity(resources.maxTransactionGas), bytes: quantity(MAX_TRANSACTION_BYTES) },
        miniBlock: MINI_BLOCK_LIMITS,
        block: { gas: quantity(chain.latestEnvironment().gasLimit) },
      },
      openBlock: formatBlock(openBlock),
      sealedBlock: formatBlock(sealedBlock),
      state: { accounts: quantity(accounts), slots: quantity(slots) },
    };
  },
};

function formatBlock(block: BlockResources | undefined): Readonly<Record<string, string>> | null {
  if (block === undefined) return null;
  return Object.fromEntries(Object.entries(block).map(([name, count]: [string, number | bigint]) => [name, quantity(count)]));
}
